"""What holds for every module of the house."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_IMPORT_ALL = """
import importlib, json, pkgutil, sys
asked = []
def hook(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        asked.append([event, str(args)])
sys.addaudithook(hook)
count = 0
for top in ("pipeline", "stages", "models", "ablations"):
    package = importlib.import_module(top)
    for each in pkgutil.walk_packages(package.__path__, top + "."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)
            count += 1
import onnxruntime
print(json.dumps([count, asked]))
"""


def test_importing_everything_asks_for_no_host_and_writes_nothing(tmp_path):
    telemetry = {"HF_HUB_DISABLE_TELEMETRY", "ORT_DISABLE_TELEMETRY"}
    environment = {key: value for key, value in os.environ.items() if key not in telemetry}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    count, asked = json.loads(done.stdout)
    assert count > 300
    assert asked == []
    assert list(tmp_path.rglob("*")) == []
