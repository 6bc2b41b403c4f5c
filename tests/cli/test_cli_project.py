"""`pplns list`, `show` and `check`."""

import pytest


def test_list_shows_each_pipeline(shop, pplns):
    """Name, triggers, file and description."""
    answer = pplns("list")

    assert answer.code == 0
    assert answer.out.splitlines() == [
        "pipeline  triggers   file               description",
        "shop      0 6 * * *  pipelines/shop.py  Sell things.",
    ]


def test_list_json_describes_each_pipeline(shop, pplns):
    """The description holds parameters with types and defaults, and the triggers."""
    [listed] = pplns("list", "--json").document["pipelines"]

    assert listed["pipeline"] == "shop"
    assert listed["parameters"][0] == {
        "name": "n", "type": "int", "required": False, "is_logical_date": False, "default": 3,
    }  # fmt: skip
    assert listed["triggers"] == [
        {"kind": "schedule", "cron": "0 6 * * *", "timezone": "America/New_York", "name": None, "params": {}}
    ]


def test_a_broken_file_is_named_and_hides_nothing(shop, pplns):
    """The others are listed, exit 0; the broken file is named with its line on stderr."""
    (shop / "pipelines" / "broken.py").write_text("x = 1\ndef (:\n")

    answer = pplns("list")

    assert answer.code == 0
    assert "shop" in answer.out
    assert "broken.py:2: " in answer.err
    assert "\n  → " in answer.err
    assert "Traceback" not in answer.err


def test_only_broken_files_exit_3(shop, pplns):
    """Where no pipeline loads, the project can't be used."""
    (shop / "pipelines" / "shop.py").write_text("import nothing_of_that_name\n")

    assert pplns("list").code == 3
    assert pplns("run", "shop").code in (2, 3)


def test_outside_a_project_every_command_says_how_to_make_one(pplns, tmp_path, monkeypatch):
    """No project is exit 3, with `pplns init` as the remedy."""
    monkeypatch.chdir(tmp_path)

    for arguments in (["list"], ["show", "x"], ["check"], ["run", "x"], ["runs"], ["resume", "x"]):
        answer = pplns(*arguments)
        assert answer.code == 3
        assert "No pplns project" in answer.err
        assert "pplns init" in answer.err


def test_show_as_text(shop, pplns):
    """Parameters with defaults, triggers, and the steps with what they take and come after."""
    out = pplns("show", "shop").out

    assert out.startswith("shop: Sell things.\n")
    for part in ("n       int   3", "day     date  logical_date()", "schedule  0 6 * * *  America/New_York"):
        assert part in out
    assert out.endswith("Steps\n  split\n  check    ← split  (2 tries, 0 s apart)\n  publish  ← split; after check\n")


def test_show_names_a_default_as_it_names_the_choices(shop, pplns):
    """The member of an Enum stands there by its name, whatever its value is."""
    file = shop / "pipelines" / "shop.py"
    mode = 'from enum import Enum\n\nclass Mode(Enum):\n    FAST = "f"\n    SLOW = "s"\n\n'
    file.write_text(mode + file.read_text().replace("n: int = 3", "n: int = 3, mode: Mode = Mode.FAST"))

    assert "mode    FAST | SLOW  FAST\n" in pplns("show", "shop").out


def test_show_as_mermaid(shop, pplns):
    """Arrows for data, dotted arrows for order alone."""
    assert pplns("show", "shop", "--format", "mermaid").out.splitlines() == [
        "flowchart TD", '    s1["split"]', '    s2["check"]', '    s3["publish"]',
        "    s1 --> s2", "    s1 --> s3", "    s2 -.-> s3",
    ]  # fmt: skip


def test_show_as_svg_into_a_file(shop, pplns):
    """--output writes what stdout would get, and says where."""
    printed = pplns("show", "shop", "--format", "svg").out

    saved = pplns("show", "shop", "--format", "svg", "--output", "shop.svg")

    assert saved.out == "Saved shop.svg.\n"
    assert (shop / "shop.svg").read_text(encoding="utf-8") == printed
    assert printed.startswith("<svg ")
    assert printed.endswith("</svg>\n")


def test_show_into_a_folder_that_is_not_there(shop, pplns):
    """A file that can't be written is the environment's fault."""
    answer = pplns("show", "shop", "-o", "missing/shop.txt")

    assert answer.code == 3
    assert "missing" in answer.err


@pytest.mark.parametrize("option", [["--format", "json"], ["--json"]])
def test_show_as_json(shop, pplns, option):
    """Both spellings give one document with the steps and their edges."""
    steps = pplns("show", "shop", *option).document["steps"]

    assert [(step["step"], step["inputs"], step["after"]) for step in steps] == [
        ("split", [], []), ("check", ["split"], []), ("publish", ["split"], ["check"]),
    ]  # fmt: skip


def test_show_names_a_missing_parameter(shop, pplns):
    """A parameter without a default has to be given to draw the graph."""
    file = shop / "pipelines" / "shop.py"
    file.write_text(file.read_text().replace("n: int = 3", "n: int"))

    refused = pplns("show", "shop")

    assert refused.code == 2
    assert "'n' (int)" in refused.err
    assert pplns("show", "shop", "-p", "n=1").code == 0


def test_an_unknown_format_gets_the_nearest_one(shop, pplns):
    """Formats are text, mermaid, svg and json."""
    answer = pplns("show", "shop", "--format", "mermade")

    assert answer.code == 2
    assert "Did you mean 'mermaid'?" in answer.err


def test_check_says_what_it_checked(shop, pplns):
    """A sound project is all well."""
    answer = pplns("check")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("Checked 1 pipeline in 1 file: shop.\n")
    assert answer.out.endswith("All well.\n")


def test_check_reports_findings_with_their_place(shop, pplns):
    """An error names file and line, pipeline, and what to do; the exit code is 1."""
    file = shop / "pipelines" / "shop.py"
    file.write_text(file.read_text().replace('timezone="America/New_York"', 'params={"m": 1}'))

    answer = pplns("check")

    assert answer.code == 1
    assert "shop.py:21 (shop): Schedule('0 6 * * *'): The pipeline 'shop' has no parameter 'm'." in answer.err
    assert "\n  → " in answer.err
    assert answer.out.endswith("1 error, 0 warnings.\n")


def test_check_json(shop, pplns):
    """Findings as records, with counts."""
    (shop / "pipelines" / "broken.py").write_text("def (:\n")

    answer = pplns("check", "--json")

    assert answer.code == 1
    assert answer.document["errors"] == 1
    [finding] = answer.document["findings"]
    assert (finding["severity"], finding["line"]) == ("error", 1)
    assert finding["file"].endswith("broken.py")
