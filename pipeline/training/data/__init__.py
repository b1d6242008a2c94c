"""What a training reads: samples with their images, batches drawn from them, in order and ahead."""
