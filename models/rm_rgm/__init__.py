"""RM and RGM: relations of places of the feature map."""
