"""The report in a real browser: headless Chromium, where it is installed."""

import re
import shutil

import pytest
from pages import EVIL, comparison, evaluation, everything, render, selection, state

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium or chromedriver is not installed")
QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
IMAGE = '"><img src=x onerror=alert(1)>'
WIDTHS = (1280, 390)
# Of each text node: its box, its colour, and the colour of the nearest background behind it that is not transparent.
TEXTS = """
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const parse = (color) => color.match(/[\\d.]+/g).map(Number);
while (walker.nextNode()) {
  const parent = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || parent.closest("script, noscript, option, svg, style")) continue;
  if (!parent.checkVisibility()) continue;
  const ground = (e) => parse(getComputedStyle(e).backgroundColor);
  let behind = parent;
  while (ground(behind)[3] === 0 && behind.parentElement) behind = behind.parentElement;
  found.push([walker.currentNode.data.trim(), parse(getComputedStyle(parent).color), ground(behind)]);
}
return found;
"""
FIGURE_TEXTS = """
return [...document.querySelectorAll("svg text")].map((t) => [t.textContent, t.getScreenCTM().a, t.getScreenCTM().b,
  parseFloat(getComputedStyle(t).fontSize), getComputedStyle(t).fill]);
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*QUIET.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report with every part and hostile texts: 120 evaluated and 300 training questions."""
    folder = tmp_path_factory.mktemp("page")
    inputs = everything(EVIL)
    for evaluated in inputs["evaluations"]:
        for i, text in enumerate((EVIL, IMAGE)):
            evaluated["records"][i] |= {"question": text, "aliases": [text], "output": text}
    for name in ("state_init", "state_rehearsal"):
        inputs[name]["records"][0] |= {"question": IMAGE, "answer": EVIL}
    for selected in inputs["selections"]:
        selected["records"][0] |= {"question": IMAGE, "answer": EVIL}
    render(folder, **inputs)
    return folder / "report.html"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """120 questions put to the initial model, one of shift 1 and one of shift 2; 300 that two methods selected from."""
    folder = tmp_path_factory.mktemp("plain")
    evaluations = [evaluation("init_basic"), evaluation("one", shift=1), evaluation("two", shift=2)]
    files = {"state_init": state(), "state_rehearsal": state(0.1), "evaluations": evaluations}
    render(folder, comparison=comparison(), selections=[selection("cor"), selection("craft")], **files)
    return folder / "report.html"


def open_page(browser, path, width=1280, scheme="light", script=True):
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
    browser.get_log("browser")
    browser.get(path.as_uri())


def choose(browser, name, text):
    """Choose the option of the control ``name`` that begins with ``text``."""
    select = Select(browser.find_element(By.ID, name))
    select.select_by_visible_text(next(o.text for o in select.options if o.text.startswith(text)))


def search(browser, words):
    """Type ``words`` in place of what is there; Enter searches at once, not when the typing pauses."""
    field = browser.find_element(By.ID, "words")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(words or Keys.DELETE, Keys.ENTER)
    return counted(browser)


def counted(browser):
    return browser.find_element(By.ID, "count").text


def rows(browser):
    return [e.text for e in browser.find_elements(By.CSS_SELECTOR, "#hits .asked")]


def open_first(browser):
    """Open the first row by keyboard; its text."""
    browser.find_element(By.CSS_SELECTOR, "#hits summary").send_keys(Keys.ENTER)
    WebDriverWait(browser, 20).until(lambda b: b.find_elements(By.CSS_SELECTOR, "#hits details table"))
    return browser.find_element(By.CSS_SELECTOR, "#hits details").text


def luminance(color):
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (x / 255 for x in color[:3]))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(ink, ground):
    """WCAG's contrast ratio of two [r, g, b]."""
    light, dark = sorted((luminance(ink), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_the_screen_and_can_be_read(browser, page, width, scheme):
    open_page(browser, page, width, scheme)
    for details in browser.find_elements(By.CSS_SELECTOR, "#hits details")[:5]:
        details.find_element(By.TAG_NAME, "summary").click()
    browser.execute_script("document.querySelectorAll('body > details').forEach((d) => { d.open = true; })")
    assert browser.execute_script("return innerWidth") == width
    assert browser.execute_script("return document.scrollingElement.scrollWidth") <= width
    assert browser.get_log("browser") == []
    for text, across, along, size, fill in browser.execute_script(FIGURE_TEXTS):
        assert size * (across**2 + along**2) ** 0.5 >= 9, text
        drawn = [int(x) for x in re.findall(r"\d+", fill)[:3]]
        ground = (255, 255, 255) if scheme == "light" else (20, 24, 29)
        assert drawn == [255, 255, 255] or contrast(drawn, ground) >= 4.5, text  # white stands on a bar
    texts = browser.execute_script(TEXTS)
    assert len(texts) > 300
    for text, ink, ground in texts:
        assert contrast(ink, ground) >= 4.5, text


@pytest.mark.parametrize("color", ["#0072b2", "#c75000", "#767676", "#a8558b"])
def test_white_can_be_read_on_the_colours_of_outcomes(color):
    assert contrast((255, 255, 255), [int(color[i : i + 2], 16) for i in (1, 3, 5)]) >= 4.5


def test_hostile_text_stays_text(browser, page):
    open_page(browser, page)
    choose(browser, "view", "all")
    assert search(browser, "alert(1)") == "2 questions"
    for details in browser.find_elements(By.CSS_SELECTOR, "#hits summary"):
        details.click()
    assert rows(browser) == [EVIL, IMAGE]
    choose(browser, "view", "training")
    assert search(browser, "alert(1)") == "1 question"
    assert EVIL in open_first(browser)
    assert rows(browser) == [IMAGE]
    assert browser.find_elements(By.TAG_NAME, "img") == []
    assert browser.execute_script("return document.scripts.length") == 2
    with pytest.raises(Exception, match="no such alert"):
        browser.switch_to.alert  # noqa: B018
    assert browser.get_log("browser") == []


def test_only_the_page_s_own_script_runs(browser, page, tmp_path):
    changed = tmp_path / "changed.html"
    changed.write_text(
        page.read_text(encoding="utf-8").replace("</body>", "<script>document.title = 'run'</script></body>")
    )
    open_page(browser, changed)
    assert browser.title != "run"
    assert "Content Security Policy" in browser.get_log("browser")[0]["message"]


# Question i of a model with shift s is right, wrong, refused, unparsed as (i + s) mod 4 is 0, 1, 2, 3.
@pytest.mark.parametrize(
    ("model", "view", "first", "count"),
    [
        ("two", "over-refused", 0, 30),  # 0 → 2
        ("one", "over-refused", None, 0),
        ("one", "newly wrong", 0, 60),  # 0 → 1, 2 → 3
        ("one", "newly right", 3, 30),  # 3 → 0
        ("two", "newly right", 2, 30),  # 2 → 0
        ("two", "still wrong", 1, 60),  # 1 → 3, 3 → 1
        ("one", "rightly refused", 1, 30),  # 1 → 2
        ("one", "all", 0, 120),
    ],
)
def test_views(browser, plain, model, view, first, count):
    open_page(browser, plain)
    choose(browser, "view", view)
    choose(browser, "model", model)
    assert counted(browser) == f"{count} questions" + "; 1 to 50 shown" * (count > 50)
    assert rows(browser)[:1] == [f"What is the capital of place {first}?"] * (first is not None)


def test_training_questions_by_label_and_reason(browser, plain):
    open_page(browser, plain)
    choose(browser, "view", "training")
    assert not browser.find_element(By.ID, "model").is_displayed()
    assert counted(browser) == "300 questions; 1 to 50 shown"
    choose(browser, "label", "idk")
    assert counted(browser) == "100 questions; 1 to 50 shown"
    choose(browser, "reason", "dropped")
    assert counted(browser) == "0 questions"
    choose(browser, "reason", "kept")
    assert search(browser, "CITY of 298") == "1 question"
    opened = open_first(browser)
    for part in ("Town 298; City of 298", "country_capital/train/298", "What is the capital of place 297?", "0.702"):
        assert part in opened
    assert search(browser, "") == "100 questions; 1 to 50 shown"
    assert search(browser, "place 25?") == "1 question"
    assert "0.975, above 0.97: conflict" in open_first(browser)


def views(browser):
    return [o.text.split(":")[0] for o in Select(browser.find_element(By.ID, "view")).options]


def test_only_what_the_files_tell_can_be_chosen(browser, plain, tmp_path):
    open_page(browser, plain)
    outcomes = ["over-refused", "newly wrong", "newly right", "still wrong", "rightly refused"]
    assert views(browser) == [*outcomes, "all", "training questions"]
    render(tmp_path, comparison=comparison(), evaluations=[evaluation("craft"), evaluation("van")])
    open_page(browser, tmp_path / "report.html")
    assert views(browser) == ["all"]
    assert counted(browser) == "120 questions; 1 to 50 shown"
    render(tmp_path, comparison=comparison(), state_init=state())
    open_page(browser, tmp_path / "report.html")
    assert views(browser) == ["training questions"]
    controls = browser.find_elements(By.CSS_SELECTOR, "#finder label > *")
    assert [c.get_attribute("id") for c in controls if c.is_displayed()] == ["view", "words"]
    assert search(browser, "place 25?") == "3 questions"
    assert "before rehearsal" in open_first(browser)
    assert browser.get_log("browser") == []


def test_pages_turn_by_keyboard_and_keep_the_focus(browser, plain):
    open_page(browser, plain)
    choose(browser, "view", "all")
    following = browser.find_elements(By.CSS_SELECTOR, ".pager button")[1]
    for shown, last in (("51 to 100", "false"), ("101 to 120", "true"), ("101 to 120", "true")):
        following.send_keys(Keys.ENTER)
        assert counted(browser) == f"120 questions; {shown} shown"
        assert following.get_attribute("aria-disabled") == last
        assert browser.switch_to.active_element == following
    assert rows(browser)[-1] == "What is the capital of place 119?"
    choose(browser, "dataset", "world_facts/ood")
    assert counted(browser) == "40 questions"
    assert not following.is_displayed()
    choose(browser, "subject", "country_capital1")
    assert counted(browser) == "13 questions"
    assert search(browser, "place tówn 100") == "1 question"
    assert search(browser, "") == "13 questions"


def test_typing_alone_searches(browser, plain):
    open_page(browser, plain)
    choose(browser, "view", "all")
    browser.find_element(By.ID, "words").send_keys("place 25?")
    WebDriverWait(browser, 20).until(lambda b: counted(b) == "1 question")


def test_every_control_has_a_name(browser, page):
    open_page(browser, page)
    for control in browser.find_elements(By.CSS_SELECTOR, "#finder select, #finder input, #finder button"):
        assert control.accessible_name or not control.is_displayed(), control.get_attribute("id")


def test_without_javascript_all_but_the_table_is_there(browser, page):
    open_page(browser, page, script=False)
    text = browser.find_element(By.TAG_NAME, "body").text
    assert "This table needs JavaScript" in text
    assert "THS differs" in text or "No THS differs" in text
    assert not browser.find_element(By.ID, "finder").is_displayed()
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_fourteen_thousand_questions_are_paged(browser, tmp_path):
    models = ("init_basic", "init_refuse", "cor_rait", "craft")
    several = [evaluation(m, shift=i, n=14_042) for i, m in enumerate(models)]
    render(tmp_path, comparison=comparison(models), evaluations=several)
    open_page(browser, tmp_path / "report.html")
    choose(browser, "view", "all")
    assert counted(browser) == "14042 questions; 1 to 50 shown"
    assert len(browser.find_elements(By.CSS_SELECTOR, "#hits > li")) == 50
    assert search(browser, "place 14000") == "1 question"
