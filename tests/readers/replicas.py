"""Small real videos whose frames tell their own number."""

from fractions import Fraction

import av
import numpy as np

from pipeline.ops.codec import encode_png

HEIGHT, WIDTH = 48, 64


def make_image(number, *, colour=False):
    """A frame: eight columns, black or white, spell its number in binary."""
    bits = [(number >> place) & 1 for place in range(8)]
    grey = np.repeat(np.array(bits, np.uint8) * 180 + 30, WIDTH // 8)[None].repeat(HEIGHT, 0)
    image = np.repeat(grey[..., None], 3, axis=2)
    if colour:
        image[: HEIGHT // 2, :, 0] = 250
        image[: HEIGHT // 2, :, 2] = 0
    return image


def number_of(image):
    """Read the number that ``image`` wrote."""
    row = image[HEIGHT * 3 // 4]
    grey = row if row.ndim == 1 else row[:, 1]
    middles = grey[WIDTH // 16 :: WIDTH // 8]
    return sum(int(value > 120) << place for place, value in enumerate(middles))


def write_video(path, frames, *, codec="libx264", pixels="yuv420p", colour=False, **options):
    """Write ``frames`` frames (a count, or images); key frames every 10, B-frames between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = (
        [make_image(n, colour=colour) for n in range(frames)] if isinstance(frames, int) else frames
    )
    gap = options.pop("stamps", None)
    ticks = options.pop("ticks", 1000)  # a second
    with av.open(path, "w", options=options.pop("container", {})) as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.gop_size = 10
        stream.codec_context.time_base = Fraction(1, ticks)
        stream.thread_type = "NONE"
        for number, image in enumerate(images):
            kind = (
                "rgb24" if image.ndim == 3 else "gray16le" if image.dtype == np.uint16 else "gray"
            )
            frame = av.VideoFrame.from_ndarray(image, kind).reformat(format=pixels)
            frame.pts, frame.time_base = (gap[number] if gap else number * 40), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_frames(folder, numbers, name="{:06d}.png"):
    """Write a folder of frames that bear these numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / name.format(number)).write_bytes(encode_png(make_image(number)))
    return folder


HEADER = "TEMPLATE_ID,SUBJECT_ID,FILENAME,FRAME_NUM,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT"


class Replica:
    """A small data set in the reader's layout: what is asked for, written file by file."""

    def __init__(self, root):
        self.root = root
        self.lines = []
        self.header = HEADER

    def video(self, name, frames, **options):
        write_video(self.root / name, frames, **options)

    def frames(self, name, numbers):
        write_frames(self.root / name, numbers)

    def box(self, subject, name, frame, box=(4, 5, 10, 12)):
        self.lines.append(f"1,{subject},{name},{frame}," + ",".join(map(str, box)))

    def write(self, first=("a", "b"), second=("c", "d")):
        (self.root / "annotations").mkdir(parents=True, exist_ok=True)
        text = "\n".join([self.header, *self.lines]) + "\n"
        (self.root / "annotations/boxes.csv").write_text(text)
        (self.root / "gallery-1.csv").write_text("SUBJECT_ID\n" + "\n".join(first) + "\n")
        (self.root / "gallery-2.csv").write_text("\n".join(second) + "\n")
