"""A vision transformer with one global and three local tokens.

Reference:
    A. Nanduri, S. Huang, R. Chellappa, Multi-domain biometric recognition using body embeddings,
    2025, section III-B: equation 3 (tokens and positions), 8 and 9 (what is made of them), 4 (the
    learnable fusion, here an option). Its network is unpublished; the layout of tokens is that of
    K. Zhu et al., PASS, ECCV 2022. Camera embedding: S. He et al., TransReID, ICCV 2021, equation
    5. Neck: H. Luo et al., Bag of tricks and a strong baseline for deep person re-identification,
    CVPRW 2019, section 3.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast

import torch
from timm.layers.attention import Attention
from timm.layers.patch_embed import PatchEmbed
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from models.bodies.conv_stem import ConvStem

LOCALS = ("face", "torso", "lower_body")
"""What the local tokens stand for, in their order; label k + 1 of a region map is the k-th."""
ALL_LOCALS = (True, True, True)
CAMERA_WEIGHT = 3.0
"""λ of the camera embedding."""
_EPSILON = 1e-6


@dataclass(frozen=True)
class Size:
    """Width of the tokens, number of blocks, heads of each."""

    width: int
    depth: int
    heads: int


SIZES: dict[str, Size] = {
    "tiny": Size(192, 12, 3),
    "small": Size(384, 12, 6),
    "base": Size(768, 12, 12),
}
"""ViT-Ti, ViT-S and ViT-B; the paper's is the last."""


@dataclass(frozen=True)
class Design:
    """What a network is built as.

    Attributes:
        size: widths and depth.
        hw: height and width of the images, multiples of the patch.
        patch_px: side of a patch.
        local: what a local token sees in each block: ``areas``, itself and the patches of its
            region (all where there are none); ``free``, everything; ``pooled``: there are no local
            tokens, and a local feature is the mean of its region's patches after the last block.
        fusion: ``concatenate`` (equations 8 and 9) or ``ffn`` (equation 4, on top of it).
        stem: how patches are embedded: by one convolution, or by several (TransReID-SSL).
        drop_path: in [0, 1), chance that the last block is passed over; rising from 0.
        cameras: number of cameras that have an embedding; 0 has none.
    """

    size: Size
    hw: tuple[int, int] = (384, 128)
    patch_px: int = 16
    local: Literal["areas", "free", "pooled"] = "areas"
    fusion: Literal["concatenate", "ffn"] = "concatenate"
    stem: Literal["patches", "convolutions"] = "patches"
    drop_path: float = 0.0
    cameras: int = 0

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        return self.hw[0] // self.patch_px, self.hw[1] // self.patch_px


class SemanticViT(nn.Module):
    """Embeds bodies.

    Args:
        design: what it is built as.

    Attributes:
        neck: what embeddings pass before they are compared, ``renew_neck``'s; none at first.
        recompute: whether a training keeps no activations within blocks, and computes them again
            for the gradients: far less memory, about a third more time.

    Raises:
        ValueError: the images are no multiple of the patch.
    """

    def __init__(self, design: Design) -> None:
        super().__init__()
        height, width = design.hw
        if height % design.patch_px or width % design.patch_px:
            raise ValueError(f"{height}×{width} pixels are not a multiple of {design.patch_px}")
        self.design, size = design, design.size
        self.recompute = False
        self.dimensions = 2 * size.width
        self.local_count = 0 if design.local == "pooled" else len(LOCALS)
        if design.stem == "convolutions":
            self.patch_embed: nn.Module = ConvStem(size.width, design.patch_px)
        else:
            self.patch_embed = PatchEmbed(design.hw, design.patch_px, 3, size.width)
        rows, columns = design.grid
        self.cls_token = nn.Parameter(torch.empty(1, 1, size.width))
        self.cls_pos = nn.Parameter(torch.empty(1, 1, size.width))
        if self.local_count:
            self.local_tokens = nn.Parameter(torch.empty(1, self.local_count, size.width))
            self.local_pos = nn.Parameter(torch.empty(1, self.local_count, size.width))
        self.pos_embed = nn.Parameter(torch.empty(1, rows * columns, size.width))
        if design.cameras:
            self.sie_embed = nn.Parameter(torch.empty(design.cameras, 1, size.width))
        norm = cast(type[nn.Module], partial(nn.LayerNorm, eps=_EPSILON))
        drops = torch.linspace(0.0, design.drop_path, size.depth).tolist()
        self.blocks = nn.ModuleList(
            Block(
                size.width,
                size.heads,
                qkv_bias=True,
                drop_path=drop,
                norm_layer=norm,
            )
            for drop in drops
        )
        self.norm = nn.LayerNorm(size.width, _EPSILON)
        self.fusion: nn.Module = nn.Identity()
        if design.fusion == "ffn":
            wide = self.dimensions
            self.fusion = nn.Sequential(nn.Linear(wide, wide), nn.GELU(), nn.Linear(wide, wide))
        self.neck: nn.Module = nn.Identity()
        self._start()

    def renew_neck(self, wanted: bool) -> None:
        """Put a new batch normalisation without a shift in the neck's place, or nothing."""
        self.neck = nn.Identity()
        if wanted:
            self.neck = nn.BatchNorm1d(self.dimensions)
            self.neck.bias.requires_grad_(False)

    def _start(self) -> None:
        """Draw the first weights as ViTs do."""
        for parameter in self.parameters(recurse=False):
            nn.init.trunc_normal_(parameter, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(
        self, images: Tensor, regions: Tensor | None = None, cameras: Tensor | None = None
    ) -> Tensor:
        """Embed images, (n, 2 d), before the neck.

        Args:
            images: (n, 3, h, w).
            regions: bool (n, 3, patches), which patches show face, torso and lower body; None: no
                patch shows any.
            cameras: int64 (n,), of a network with camera embeddings.
        """
        return self.fuse(self.tokens(images, regions, cameras))

    def tokens(
        self, images: Tensor, regions: Tensor | None = None, cameras: Tensor | None = None
    ) -> Tensor:
        """Return z_global, z_face, z_torso and z_lower-body, (n, 4, d); see ``forward``."""
        x = self.norm(self._through(images, regions, cameras, len(self.blocks))[0])
        if self.local_count:
            first: Tensor = x[:, : 1 + self.local_count]
            return first
        patches = x[:, 1:]
        shares = filled(regions, len(x), patches.shape[1], patches.device).to(patches.dtype)
        pooled = shares @ patches / shares.sum(dim=2, keepdim=True)
        return torch.cat([x[:, :1], pooled], dim=1)

    def fuse(self, tokens: Tensor, kept: Sequence[bool] = ALL_LOCALS) -> Tensor:
        """Make the embedding of tokens, before the neck: equations 8 and 9, 4 where it is chosen.

        Args:
            tokens: (n, 4, d).
            kept: which local features count; the mean is over these (table III). Without any it is
                zero.
        """
        # places instead of a mask, whose True a GPU would have to count first
        chosen = [tokens[:, 1 + place] for place, counts in enumerate(kept) if counts]
        local = torch.stack(chosen).mean(dim=0) if chosen else torch.zeros_like(tokens[:, 0])
        fused: Tensor = self.fusion(torch.cat([tokens[:, 0], local], dim=1))
        return fused

    def attention(
        self, images: Tensor, regions: Tensor | None = None, cameras: Tensor | None = None
    ) -> Tensor:
        """Return where the tokens look in the last block, (n, tokens, rows, columns).

        The mean over heads of each token's weights on the patches: of the global and the local
        tokens, so of one of a ``pooled`` network. See ``forward``.
        """
        x, mask = self._through(images, regions, cameras, len(self.blocks) - 1)
        last, count = cast(Block, self.blocks[-1]), 1 + self.local_count
        layer = cast(Attention, last.attn)
        qkv = layer.qkv(last.norm1(x)).unflatten(2, (3, layer.num_heads, layer.head_dim))
        queries, keys = qkv[:, :count, 0].transpose(1, 2), qkv[:, :, 1].transpose(1, 2)
        scores = queries @ keys.transpose(2, 3) * layer.scale
        if mask is not None:
            scores = scores.masked_fill(~mask[:, :, :count], -torch.inf)
        weights = scores.float().softmax(dim=-1).mean(dim=1)
        maps: Tensor = weights[:, :, count:].unflatten(2, self.design.grid)
        return maps

    def _through(
        self, images: Tensor, regions: Tensor | None, cameras: Tensor | None, blocks: int
    ) -> tuple[Tensor, Tensor | None]:
        """Return all tokens after some blocks, and who sees whom in each."""
        x = self.embedded(images, cameras)
        mask = None
        if self.design.local == "areas":
            count = self.design.grid[0] * self.design.grid[1]
            mask = local_mask(filled(regions, len(x), count, x.device))
        given = self._attending(x.device, mask)
        for block in self.blocks[:blocks]:
            if self.recompute and torch.is_grad_enabled():
                x = checkpoint(block, x, attn_mask=given, use_reentrant=False)
            else:
                x = block(x, attn_mask=given)
        return x, mask

    def _attending(self, device: torch.device, mask: Tensor | None) -> Tensor | None:
        """Choose how blocks attend, and return the mask as they take it then.

        By plain products in reduced precision on a CPU: the gradient of torch's fused attention
        takes as long there as in float32.
        """
        reduced = device.type == "cpu" and torch.is_autocast_enabled("cpu")
        plain = reduced and torch.is_grad_enabled()
        for block in self.blocks:
            layer: Any = cast(Block, block).attn  # timm calls the choice final, for TorchScript
            layer.fused_attn = not plain
        if not plain or mask is None:
            return mask
        added = torch.zeros(mask.shape, dtype=torch.get_autocast_dtype("cpu"), device=device)
        return added.masked_fill(~mask, -torch.inf)

    def embedded(self, images: Tensor, cameras: Tensor | None = None) -> Tensor:
        """Return tokens and patches with their positions, (n, 1 + 3 + patches, d): equation 3."""
        patches = self.patch_embed(images) + self.pos_embed
        first = self.cls_token + self.cls_pos
        if self.local_count:
            first = torch.cat([first, self.local_tokens + self.local_pos], dim=1)
        x = torch.cat([first.expand(len(patches), -1, -1), patches], dim=1)
        if self.design.cameras:
            if cameras is None:
                raise ValueError("this network has camera embeddings: expected each image's camera")
            x = x + CAMERA_WEIGHT * self.sie_embed[cameras]
        return x


def patch_regions(labels: Tensor, patch_px: int) -> Tensor:
    """Say which patches show which region: at least half of their pixels are of it.

    Args:
        labels: uint8 (n, h, w), 0 nothing, 1 face, 2 torso, 3 lower body.
        patch_px: side of a patch.

    Returns:
        bool (n, 3, patches).
    """
    count, height, width = labels.shape
    grid = labels.view(count, height // patch_px, patch_px, width // patch_px, patch_px)
    half = patch_px * patch_px / 2
    # rows first: whole rows are added at once, and as small numbers
    sums = [(grid == k).sum(dim=2, dtype=torch.int16).sum(dim=3) for k in range(1, 1 + len(LOCALS))]
    return torch.stack([(pixels >= half).flatten(1) for pixels in sums], dim=1)


def filled(regions: Tensor | None, count: int, patches: int, device: torch.device) -> Tensor:
    """Return the regions, those that show nowhere everywhere: bool (n, 3, patches)."""
    if regions is None:
        return torch.ones(count, len(LOCALS), patches, dtype=torch.bool, device=device)
    return regions | ~regions.any(dim=2, keepdim=True)


def local_mask(regions: Tensor) -> Tensor:
    """Return who sees whom: a local token itself and its region's patches, all others everything.

    Args:
        regions: bool (n, 3, patches), none of them empty.

    Returns:
        bool (n, 1, t, t), t = 1 + 3 + patches, for all heads alike.
    """
    count, locals_, patches = regions.shape
    total = 1 + locals_ + patches
    mask = torch.ones(count, total, total, dtype=torch.bool, device=regions.device)
    mask[:, 1 : 1 + locals_, : 1 + locals_] = False
    own = torch.arange(1, 1 + locals_, device=regions.device)
    mask[:, own, own] = True
    mask[:, 1 : 1 + locals_, 1 + locals_ :] = regions
    return mask[:, None]
