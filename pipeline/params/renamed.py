"""Keys of ``params.yaml`` that have another name than they had."""

RENAMED: dict[str, str] = {
    "sample.procedural.pictures": "images",
    "protocols.*.between": "subset",
    "detect.points": "landmarks",
    "align.loose_jpeg_quality": "context_jpeg_quality",
    "align.templates.*.points_xy": "landmarks_xy",
    "crop_bodies.areas": "body_regions",
    "masks.templates": "designs",
    "masks.wear": "fit",
    "poses.pictures_per_subject": "images_per_subject",
    "poses.loose_jpeg_quality": "context_jpeg_quality",
    "train_degrader.pictures_per_subject": "images_per_subject",
    "train_degrader.pool_pictures": "pool_images",
    "degrade.pictures_per_subject": "images_per_subject",
    "degrade.loose_jpeg_quality": "context_jpeg_quality",
    "pretrain.*.batch_pictures": "batch_images",
}
"""New name of a key by its former dotted path; ``*`` stands for any one key."""
