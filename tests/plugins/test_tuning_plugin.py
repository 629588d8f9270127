from pathlib import Path

from airflow._shared.module_loading import find_path_from_directory

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


def test_airflow_imports_one_module_of_the_plugins_folder() -> None:
    found = [Path(path).name for path in find_path_from_directory(str(PLUGINS), ".airflowignore", "glob")]
    assert [name for name in found if name.endswith(".py")] == ["tuning_plugin.py"]
