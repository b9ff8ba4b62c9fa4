"""What is measured: a kind of kernel, an element type, a layout, a shape and
what is done to the output."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

KINDS = ("inference", "training", "backward")
DTYPES = ("f16", "bf16", "f32", "f64")
LAYOUTS = ("nchw", "nhwc")
EPILOGUES = ("none", "relu", "leaky_relu", "add", "add_relu")
EPSILON = 1e-3
#: What a leaky ReLU multiplies negative elements with.
SLOPE = 0.01

#: Inputs and output together that do not fit into the last-level cache of the
#: machines the goals are stated for; the same bound as in kernel/Case.cpp.
LARGE_BYTES = 24e6

#: Shapes are N, C, H, W or N, C in either layout. "resnet50" is at batch 50;
#: "odd" are shapes that no rule was tuned on.
SETS: dict[str, tuple[str, ...]] = {
    "resnet50": (
        "50x64x112x112", "50x256x56x56", "50x64x56x56", "50x512x28x28",
        "50x128x28x28", "50x1024x14x14", "50x256x14x14", "50x2048x7x7",
        "50x512x7x7",
    ),
    "odd": (
        "1x257x28x28", "2x251x28x28", "8x322x16x16", "12x4x8x8",
        "50x3x224x224", "3072x64x14x14", "64x96x55x55", "8x1536x8x8",
    ),
    "odd-nhwc": ("16x24x56x56", "16x40x28x28", "64x1000", "4096x512"),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """One thing to measure, on a number of threads.

    `epilogue` is what is done to the output, of EPILOGUES, "" for none; of
    backward: what was done to it.
    """

    kind: str
    dtype: str
    layout: str
    shape: tuple[int, ...]
    threads: int
    epilogue: str = ""

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def tensor_bytes(self) -> int:
        return self.elements * {"f64": 8, "f32": 4}.get(self.dtype, 2)

    @property
    def adds(self) -> bool:
        """Whether something is added to the output."""
        return self.epilogue in ("add", "add_relu")

    @property
    def has_relu(self) -> bool:
        return self.epilogue in ("relu", "leaky_relu", "add_relu")

    @property
    def may_save_bits(self) -> bool:
        """Whether what the ReLU of a sum lets pass can be a bit an element, and
        pays: a row of what lies together is whole bytes then."""
        row = self.channels
        if self.layout == "nchw" and len(self.shape) > 2:
            row = math.prod(self.shape[2:])
        return (self.epilogue == "add_relu" and self.kind != "inference"
                and row % 8 == 0)

    @property
    def floor_tensors(self) -> int:
        """How many tensors the floor moves: of backward three, whatever the
        epilogue, so that times with and without it can be compared."""
        return 3 if self.kind == "backward" or self.adds else 2

    @property
    def bytes(self) -> int:
        """The least that must be moved: each input once, each output once.

        Backward reads the output of a ReLU of a sum, and writes the gradient of
        an addend.
        """
        tensors = self.floor_tensors
        if self.kind == "backward":
            tensors += (self.epilogue == "add_relu") + self.adds
        return self.tensor_bytes * tensors

    @property
    def large(self) -> bool:
        return self.bytes > LARGE_BYTES

    @property
    def channels(self) -> int:
        return self.shape[1]

    @property
    def axis(self) -> int:
        """The dimension of the channels in memory order."""
        return 1 if self.layout == "nchw" else len(self.shape) - 1

    @property
    def memory_shape(self) -> tuple[int, ...]:
        if self.layout == "nchw":
            return self.shape
        return (self.shape[0], *self.shape[2:], self.shape[1])

    @property
    def parameter_dtype(self) -> str:
        return "f64" if self.dtype == "f64" else "f32"

    @property
    def shape_text(self) -> str:
        return "x".join(map(str, self.shape))

    @property
    def group(self) -> str:
        return f"{self.kind} {self.dtype} {self.layout} {self.epilogue}".strip()

    def to_json(self) -> dict[str, object]:
        return {
            "kind": self.kind, "dtype": self.dtype, "layout": self.layout,
            "shape": self.shape_text, "threads": self.threads,
            "epilogue": self.epilogue, "bytes": self.bytes,
            "large": self.large,
        }

    @staticmethod
    def from_json(value: dict) -> Case:
        return Case(value["kind"], value["dtype"], value["layout"],
                    parse_shape(value["shape"]), value["threads"],
                    value.get("epilogue", ""))


def parse_shape(text: str) -> tuple[int, ...]:
    """Reads "50x64x112x112" or "4096x512"; raises ValueError."""
    try:
        shape = tuple(int(part) for part in text.split("x"))
    except ValueError:
        shape = ()
    if len(shape) < 2 or min(shape) < 1:
        raise ValueError(
            f"expected a shape such as 50x64x112x112, got '{text}'")
    return shape


def get_shapes(sets: list[str], layout: str) -> Iterator[tuple[int, ...]]:
    """The shapes of the named sets that exist in `layout`."""
    for name in sets:
        if name not in SETS:
            raise ValueError(
                f"expected a set of {', '.join(SETS)}, got '{name}'")
        names = SETS[name]
        if name == "odd" and layout == "nhwc":
            names += SETS["odd-nhwc"]
        yield from map(parse_shape, names)
