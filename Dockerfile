# crossband with all its extras. For a CPU (the default), or for NVIDIA GPUs:
#   docker build -t crossband .
#   docker build -t crossband:cuda --build-arg TORCH=https://download.pytorch.org/whl/cu128 .
# From a mirror in place of PyPI (without a password: build arguments stay in the image's history):
#   docker build -t crossband --build-arg PIP_INDEX_URL=https://mirror.example/simple .
# In the folder of a project (`crossband init` makes one):
#   docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/project" crossband dvc repro
#   docker run --rm --gpus all -u "$(id -u):$(id -g)" -v "$PWD:/project" crossband:cuda dvc repro
FROM python:3.11-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends git libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system safe.directory '*'

# Where torch comes from: its CPU build, or one for a CUDA version. Each is a version of its own,
# 2.11.0+cpu, which pip takes before the other index's 2.11.0.
ARG TORCH=https://download.pytorch.org/whl/cpu
# Where all else comes from; pip reads it. Not given, it is pip's own default.
ARG PIP_INDEX_URL
# Less than all: some of train, bodies, export, detectors, thermal, ray (pipeline/extras.py).
ARG EXTRAS=all

WORKDIR /src
COPY constraints.txt .
RUN grep -E '^(torch|torchvision)==' constraints.txt > /tmp/torch.txt \
    && pip install --no-cache-dir --requirement /tmp/torch.txt --extra-index-url "$TORCH"
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt ".[$EXTRAS]"

# Any user may run it (-u) and then owns what it writes: the cache of weight files lies in the project.
ENV HOME=/tmp CROSSBAND_CACHE=/project/.cache/crossband DVC_NO_ANALYTICS=1
WORKDIR /project
CMD ["crossband", "--help"]
