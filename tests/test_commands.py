"""What everybody meets who types a command: the list, the help, errors, quiet, exit codes."""

import io
import os
import shlex
import subprocess
import sys

import pytest
from conftest import ROOT, run_python

from giraffe import progress as progress_room
from giraffe.__main__ import GROUPS, get_parser, main
from giraffe.commands import inspect, make
from giraffe.printout.presets import PRESETS
from giraffe.progress import progress_bar
from giraffe.recipe import SHIPPED


def parsers():
    """Every command's parser by the command's name."""
    return get_parser()._subparsers._group_actions[0].choices


def examples(parser):
    """The command lines at the end of a command's help."""
    after = parser.format_help().partition("\nExample")[2].partition(":\n")[2]
    return [line.strip() for line in after.rstrip().splitlines()]


COMMANDS = list(parsers())


def test_alone_the_program_lists_every_command_in_its_group(capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    groups = [line.removesuffix(":") for line in lines if line.removesuffix(":") in GROUPS]
    assert groups == list(GROUPS)
    assert groups[0] == "Read pictures" and groups[-1] == "Inspect"
    listed = [line.split()[0] for line in lines if line.startswith("  ") and line[2].isalpha()]
    assert listed == COMMANDS
    assert listed[0] == "read"
    assert all(len(line) <= 100 for line in lines)


def test_help_says_the_same_and_names_the_exit_codes(capsys):
    main([])
    alone = capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0 and capsys.readouterr().out == alone
    assert "Exit codes: 0 " in alone and "Not a medical device" in alone


def test_the_list_needs_no_library_that_takes_seconds():
    code = (
        "import sys; from giraffe.__main__ import main; main([])\n"
        "print(sorted({'torch', 'cv2', 'scipy', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    assert run_python("-c", code).stdout.endswith("[]\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_commands_help_ends_with_an_example_that_it_takes(name):
    found = examples(parsers()[name])
    assert found
    for line in found:
        words = shlex.split(line)
        assert words[:2] == ["giraffe", name]
        args = get_parser().parse_args(words[1:])
        assert callable(args.run) and not args.quiet


def test_examples_of_making_data_do_what_they_say(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("simulate", "print", "prepare-images", "hide", "summary"):
        (line,) = examples(parsers()[name])
        line = line.replace("-n 20", "-n 3").replace("phone-clean", "D1 -r 50")
        assert main(shlex.split(line)[1:]) == 0, line
    said = capsys.readouterr().out
    for text in ("3 records printed", "3 records prepared", "3 records hidden", "NORM"):
        assert text in said
    assert len(list((tmp_path / "hidden").glob("*.png"))) == 3


def test_the_help_of_print_names_every_preset():
    text = " ".join(parsers()["print"].format_help().replace("-\n", "-").split()).replace(" ", "")
    for preset in PRESETS:
        assert preset in text


@pytest.mark.parametrize("name", ["read", "predict", "conditions"])
def test_the_shipped_model_is_the_default(name):
    (line, *_) = examples(parsers()[name])
    assert get_parser().parse_args(shlex.split(line)[1:]).model == SHIPPED


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        (["simulat"], "Did you mean simulate?"),
        (["xyzzy"], "`giraffe` alone lists them"),
        (["README.md"], "giraffe read README.md"),
        (["predict"], "Example: giraffe predict "),
        (["print", "-i", "x", "-o", "y", "--preset", "D4"], "D4 is none of D1, D2, D3"),
        (["simulate", "-o", "x", "-n", "many"], "invalid int value: 'many'"),
    ],
)
def test_wrong_use_says_what_to_do_instead(line, advice, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["giraffe"])
    with pytest.raises(SystemExit) as end:
        main(line)
    said = capsys.readouterr()
    assert end.value.code == 2 and said.out == ""
    assert advice in said.err and "--help" in said.err


def test_what_cannot_be_done_is_said_without_a_traceback(tmp_path, capsys):
    assert main(["summary", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.startswith("Error: ")
    assert main(["conditions", str(tmp_path), "-o", str(tmp_path), "--folds", "9"]) == 1
    assert "--database" in capsys.readouterr().err


def test_interrupting_ends_with_130(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(inspect, "settings_of", interrupted)
    assert main(["summary", "x"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_quiet_leaves_results_and_errors(records_folder, tmp_path, capsys):
    small = ["hide", "-i", str(records_folder), "-o", str(tmp_path / "h")]
    assert main([*small, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(small) == 0
    assert "24 records hidden" in capsys.readouterr().out
    assert main(["summary", str(tmp_path / "nowhere"), "-q"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("Error: ")


def test_who_reads_the_output_may_stop_reading(records_folder):
    command = [sys.executable, "-m", "giraffe", "summary", str(records_folder)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()
    assert process.wait(120) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


class Terminal(io.StringIO):
    """Standard error that is a terminal."""

    def isatty(self):
        return True


def test_bars_are_drawn_on_a_terminal_alone(monkeypatch, capsys):
    monkeypatch.setattr(progress_room, "LINE_SECONDS", 0)
    monkeypatch.setattr(progress_room.log, "level", progress_room.logging.INFO)
    assert list(progress_bar(range(3), desc="work", unit="step")) == [0, 1, 2]
    said = capsys.readouterr().err
    assert "\r" not in said and said.startswith("work: ")
    assert said.splitlines()[-1].startswith("work: 3 of 3 steps in 00:00")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(progress_bar(range(3), desc="work")) == [0, 1, 2]
    assert "\r" in terminal.getvalue()


def test_a_short_work_says_nothing_in_a_log(monkeypatch, capsys):
    monkeypatch.setattr(progress_room.log, "level", progress_room.logging.INFO)
    assert list(progress_bar(range(3), desc="work")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_the_program_is_called_as_it_was_typed(tmp_path):
    said = run_python("-m", "giraffe", "train", "--help", cwd=ROOT, env={**os.environ}).stdout
    assert "  python -m giraffe train printed" in said


def test_presets_of_the_help_are_words_alone():
    assert set(PRESETS) <= set(make.PRESETS.replace(",", " ").split())


def test_relative_folders_are_those_of_the_caller_whoever_writes(tmp_path, monkeypatch):
    """Processes of a pool that is kept may have been started in another folder."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert main(["simulate", "-o", "patients", "-n", "2", "--jobs", "2", "-q"]) == 0
        printed = ["print", "-i", "patients", "-o", "printed", "--preset", "D1", "-r", "50"]
        assert main([*printed, "--jobs", "2", "-q"]) == 0
        assert len(list((tmp_path / name / "printed").glob("*.png"))) == 2
