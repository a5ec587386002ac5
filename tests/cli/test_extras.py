import sys

import pytest

from secondpass.cli.main import main
from secondpass.installation import install_line


@pytest.mark.parametrize("module", ["scipy", "psutil", "ir_measures"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["bench"],
        ["eval", "nowhere"],
        ["plan"],
        ["verify", "record"],
        ["verify", "check", "nowhere"],
    ],
)
def test_a_missing_extra_is_said_before_the_work(module, arguments, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert install_line("measure") in capsys.readouterr().err
