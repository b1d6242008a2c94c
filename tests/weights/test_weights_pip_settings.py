import pytest

from pipeline.errors import WeightsError
from pipeline.weights.pip_settings import PipSettings, parse_pip_config, read_pip_settings

pytestmark = pytest.mark.usefixtures("own_environment")


def test_nothing_configured_means_pips_default_index():
    assert parse_pip_config("") == PipSettings(index_urls=(None,))


def test_files_and_sections(tmp_path):
    settings = parse_pip_config(
        "global.index-url='https://a.example/simple'\n"
        "global.extra-index-url='https://b.example/simple\\nhttps://c.example/simple'\n"
        "global.timeout='60'\n"
        "list.format='columns'\n"
        "install.trusted-host='b.example c.example:8443'\n"
        f"install.find-links='{tmp_path} /does/not/exist https://d.example/wheels'\n"
        "download.index-url='https://e.example/simple'\n"
        ":env:.cert='/ca.pem'\n"
    )
    assert settings == PipSettings(
        index_urls=(
            "https://e.example/simple",
            "https://b.example/simple",
            "https://c.example/simple",
        ),
        find_links=(str(tmp_path), "https://d.example/wheels"),
        trusted_hosts=("b.example", "c.example:8443"),
        cert="/ca.pem",
    )


def test_a_variable_wins_over_a_file(tmp_path, monkeypatch):
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://file.example/simple\nproxy = http://p:3128\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable.example/simple")
    settings = read_pip_settings()
    assert settings.index_urls[0] == "https://variable.example/simple"
    assert settings.proxy == "http://p:3128"
    assert settings.find_links == (str(tmp_path / "links"),)


def test_no_index():
    assert parse_pip_config("global.no-index='true'\n").index_urls == ()
    assert parse_pip_config("global.no-index='0'\n").index_urls == (None,)


def test_a_broken_configuration_is_said(tmp_path, monkeypatch):
    config = tmp_path / "pip.conf"
    config.write_text("no section\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    with pytest.raises(WeightsError, match="pip config list"):
        read_pip_settings()
