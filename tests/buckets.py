"""An object store for tests: S3's own protocol, served by moto on this machine's loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def served(nowhere: Path) -> Iterator[str]:
    """Serve an empty bucket, with the environment that leads to it.

    Args:
        nowhere: a path that is not there, in place of the user's own configuration.

    Yields:
        The bucket's URL.
    """
    import boto3
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "someone")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_CONFIG_FILE", str(nowhere))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        forget()
        client = boto3.client("s3")
        for former in client.list_buckets()["Buckets"]:  # moto keeps them for the process
            for item in client.list_objects_v2(Bucket=former["Name"]).get("Contents", []):
                client.delete_object(Bucket=former["Name"], Key=item["Key"])
            client.delete_bucket(Bucket=former["Name"])
        client.create_bucket(Bucket="prepared")
        s3fs.S3FileSystem.clear_instance_cache()
        yield "s3://prepared"
        forget()
    server.stop()


def forget() -> None:
    """Forget clients that were made with another environment."""
    import s3fs

    from pipeline.store import files

    s3fs.S3FileSystem.clear_instance_cache()
    files._file_system.cache_clear()
