"""Convolutions whose weights lie in the order that the processor's library computes in.

torch puts plain weights into that order at every call, which for one picture is a seventh of a
network's time in bfloat16. The results are the same, bit for bit.
"""

import torch
from torch import Tensor, nn

from models.precision import computes_bfloat16


class PackedConv2d(nn.Module):
    """A convolution for inference on the CPU, from a trained one.

    Args:
        conv: what to compute.
        input_shape: (n, c, h, w) of the usual input; others are computed as well.
    """

    def __init__(self, conv: nn.Conv2d, input_shape: list[int]) -> None:
        super().__init__()
        self._how = list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups
        self._bias = None if conv.bias is None else conv.bias.detach()
        pack = torch._C._nn.mkldnn_reorder_conv2d_weight
        self._weight: Tensor = pack(conv.weight.detach().to_mkldnn(), *self._how, input_shape)  # type: ignore[call-arg]

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in, h, w), channels last, to (n, out, …)."""
        # What torch's own compiler emits for such a convolution.
        y: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self._weight, self._bias, *self._how, "none", [], ""
        )
        return y


def pack_convolutions(net: nn.Module, example: Tensor) -> None:
    """Pack all convolutions of a network in place, where that is known to pay: bfloat16 on a CPU.

    Args:
        net: in evaluation mode, its weights channels last.
        example: an input of the usual shape.
    """
    pays = example.device.type == "cpu" and example.dtype is torch.bfloat16
    if not pays or not computes_bfloat16("cpu"):
        return
    shapes: dict[nn.Module, list[int]] = {}
    hooks = [
        module.register_forward_pre_hook(
            lambda module, inputs: shapes.__setitem__(module, list(inputs[0].shape))
        )
        for module in net.modules()
        if isinstance(module, nn.Conv2d)
    ]
    with torch.inference_mode():
        net(example)
        for hook in hooks:
            hook.remove()
        for module in list(net.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.Conv2d):
                    setattr(module, name, PackedConv2d(child, shapes[child]))
