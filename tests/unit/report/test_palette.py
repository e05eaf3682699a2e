"""The colours are legible in both modes."""

from __future__ import annotations

import pytest

from pyrite.report.palette import DARK, GROUNDS, LIGHT, LINES, TEXT, contrast, luminance


def test_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)  # the known near miss of level AA
    assert luminance("#ffffff") == pytest.approx(1.0)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_text_and_lines_stand_out_from_every_ground(colours: dict[str, str], ground: str) -> None:
    for name in TEXT:
        assert contrast(colours[name], colours[ground]) >= 4.5, name
    for name in LINES:
        assert contrast(colours[name], colours[ground]) >= 3.0, name


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_gold_and_proxy_differ_in_blue_which_all_common_colour_blindness_keeps(colours: dict[str, str]) -> None:
    gold, proxy = (int(colours[name][5:7], 16) for name in ("gold", "proxy"))
    assert proxy - gold > 100


def test_both_modes_name_the_same_colours() -> None:
    assert list(LIGHT) == list(DARK)
