"""What takes an image of 8 bits refuses another array: it would make something of that, too."""

import numpy as np
import pytest

from pipeline.ops.colour import channels_apart, saturation_of
from pipeline.ops.contrast import equalise, equalise_strongly
from pipeline.ops.sharpness import sharpness


@pytest.mark.parametrize(
    "look", [equalise, equalise_strongly, channels_apart, saturation_of, sharpness]
)
@pytest.mark.parametrize("dtype", [np.float32, np.uint16, bool])
def test_an_image_of_another_type_is_refused(look, dtype):
    found = rf"expected uint8 .*, got {np.dtype(dtype)} \(9, 9\)"
    with pytest.raises(ValueError, match=found):
        look(np.zeros((9, 9), dtype))
