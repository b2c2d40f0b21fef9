"""The page for those who hear it, and for those who see little: names, roles, contrast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab import LabPage
from showing import THEMES, folder, open_every_page, shown, use_theme

__all__ = ["folder", "shown"]  # fixtures

AXE = Path(__file__).with_name("vendor") / "axe.min.js"
# What axe-core finds on the page: how bad, which rule, and the first elements.
AUDIT = """async (rules) => {
  const only = rules ? { runOnly: { type: 'rule', values: rules } } : {};
  const found = await axe.run('.hustle-page', { resultTypes: ['violations'], ...only });
  return found.violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(node => node.html.slice(0, 150)).join(' ... ')}`);
}"""
# Plots in sight without a sentence that tells a number.
UNTOLD = """() => [...document.querySelectorAll('.hustle-page .bqplot')]
  .filter(plot => plot.getBoundingClientRect().width)
  .filter(plot => !(plot.role === 'img' && /\\d|[Nn]othing/.test(plot.ariaLabel ?? '')))
  .map(plot => `${plot.closest('.hustle-plot-box')?.innerText.slice(0, 60)}: ${plot.ariaLabel}`)"""
# Texts whose contrast with the ground behind them is below 4.5 : 1, large ones below 3 : 1.
FAINT = """() => {
  const numbers = (color) => (color.match(/[0-9.]+/g) ?? []).map(Number);
  const part = (value) => { const s = value / 255; return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = numbers(getComputedStyle(at).backgroundColor);
      if (color.length && (color.length === 3 || color[3] > 0.95)) return color;
    }
    return [255, 255, 255];
  };
  const faint = [], page = document.querySelector('.hustle-page');
  const walk = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement, box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    if (!walk.currentNode.textContent.trim() || !box.width || style.visibility === 'hidden') continue;
    if (element.closest('style, script, option, .hustle-sr')) continue;
    const inPlot = element.closest('svg');
    if (inPlot && !element.closest('.axis')) continue;
    const ink = numbers(inPlot ? style.fill : style.color).slice(0, 3), paper = ground(element);
    const [bright, dark] = [light(ink), light(paper)].sort((a, b) => b - a);
    const ratio = (bright + 0.05) / (dark + 0.05);
    const text = walk.currentNode.textContent.trim().slice(0, 40);
    if (ratio < (element.ariaHidden === 'true' ? 3 : 4.5)) faint.push(`${ratio.toFixed(1)}: ${text} ${style.color}`);
  }
  return [...new Set(faint)];
}"""
# Colours of the style sheet that marks are drawn in, with their contrast to the ground.
MARKS = """() => {
  const style = getComputedStyle(document.querySelector('.hustle-page')), found = {};
  const canvas = document.createElement('canvas').getContext('2d');
  const rgb = (color) => { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3); };
  const part = (value) => { const s = value / 255; return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const paper = light(rgb(style.getPropertyValue('--hustle-ground')));
  for (const name of ['black', 'orange', 'sky', 'green', 'yellow', 'blue', 'vermillion', 'purple', 'grey']) {
    const ink = light(rgb(style.getPropertyValue(`--hustle-${name}`)));
    found[name] = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  }
  return found;
}"""


def audit(lab: LabPage, rules: list[str] | None = None) -> list[str]:
    """Return the serious faults that axe-core finds when names have followed what is shown."""
    found: list[str] = []
    for _ in range(5):
        if not (found := lab.page.evaluate(AUDIT, rules)):
            break
        lab.page.wait_for_timeout(200)
    return found


def untold_plots(lab: LabPage) -> list[str]:
    """Return the plots without a sentence, when names have followed what is shown."""
    missing: list[str] = []
    for _ in range(20):
        if not (missing := lab.page.evaluate(UNTOLD)):
            break
        lab.page.wait_for_timeout(100)
    return missing


def test_every_page_can_be_read_and_heard(shown: LabPage):
    lab = shown
    lab.page.evaluate(AXE.read_text(encoding="utf-8"))
    faults: dict[Any, list[str]] = {}
    for theme in THEMES:
        use_theme(lab, theme)
        for page in open_every_page(lab):
            # Names and roles are the same in both themes.
            heard = [] if theme != THEMES[0] else [*audit(lab), *untold_plots(lab)]
            if found := [*lab.page.evaluate(FAINT), *heard]:
                faults[theme, page] = found
        marks = lab.page.evaluate(MARKS)
        assert {name: ratio for name, ratio in marks.items() if ratio < 3} == {}
    assert not faults

    # What opens over the page: all verdicts, the look of the picture, what a step shows, the keys.
    lab.page.locator(".hustle-settings button[title^='What this step shows']").click()
    lab.page.locator(".hustle-frame-tools button[title^='Stretch']").click()
    lab.page.locator(".hustle-advice button", has_text="all").click()
    lab.page.locator(".hustle-show-keys").click()
    lab.page.locator(".hustle-keys").wait_for()
    assert not audit(lab)
    assert not lab.page.evaluate(FAINT)
