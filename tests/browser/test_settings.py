"""The first minute, and what a person sees and changes of their account."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.dialects.slack import SlackUser
from tests.server import Server, call, until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_the_first_minute_from_registration_to_the_first_answer(ada: Person) -> None:
    expect(ada.page.get_by_text("The built-in demo answers now.")).to_be_visible()
    expect(ada.page.locator("[class*=st-key-example-] button")).to_have_count(4)
    ada.page.locator(".st-key-example-0 button").click()
    ada.sees_reply_end()
    expect(ada.reply()).to_contain_text("This is Parley's demo model")
    ada.button("New chat").click()
    ada.sees_empty_chat()
    ada.page.locator(".st-key-way-openai button").click()
    expect(ada.page.get_by_role("heading", name="Models", level=1)).to_be_visible()


def test_a_name_is_changed_and_stands_in_the_sidebar(ada: Person, api: Server) -> None:
    ada.goes_to("Settings")
    ada.field("Name").fill("Ada of *Parley*")
    ada.field("Username").fill("x")
    ada.button("Save profile").click()
    expect(ada.page.locator(".st-key-wrong-settings-username")).to_be_visible()
    ada.field("Username").fill(ada.name)
    ada.button("Save profile").click()
    expect(ada.page.locator(".st-key-account").first).to_contain_text("Ada of *Parley*")
    ada.tab("Preferences").click()
    titles = ada.page.get_by_role("checkbox", name="Let the model write the titles of my chats")
    expect(titles).not_to_be_checked()
    ada.page.get_by_text("Let the model write the titles").click()
    ada.button("Save preferences").click()
    expect(ada.page.get_by_text("Preferences saved.")).to_be_visible()
    login = call(api.port, "POST", "/auth/login", {"username": ada.name, "password": ada.password})
    assert login.json["user"]["preferences"]["titles"] == "model"
    ada.page.reload()
    ada.tab("Preferences").click()
    expect(titles).to_be_checked()


def test_a_picture_is_added_refused_and_removed(ada: Person, api: Server, tmp_path: Path) -> None:
    good, false = tmp_path / "me.jpg", tmp_path / "false.png"
    Image.new("RGB", (300, 200), (200, 60, 30)).save(good)
    false.write_text("no picture at all")
    login = call(api.port, "POST", "/auth/login", {"username": ada.name, "password": ada.password}).json
    mine = {"Authorization": f"Bearer {login['access_token']}"}
    picture = ada.page.locator(".st-key-avatar img")
    ada.goes_to("Settings")
    ada.button("Add a picture").click()
    ada.page.locator("input[type=file]").set_input_files(false)
    expect(ada.page.locator(".st-key-wrong-settings-avatar")).to_contain_text("Send a picture: PNG")
    expect(picture).to_have_count(0)
    ada.button("Add a picture").click()
    ada.page.locator("input[type=file]").set_input_files(good)
    until(lambda: picture.evaluate("image => image.naturalWidth") == 144, what="the picture to be drawn")
    expect(ada.button("Change picture")).to_be_focused()
    expect(ada.page.locator(".st-key-wrong-settings-avatar")).to_have_count(0)
    told = call(api.port, "GET", "/auth/me", **mine).json
    assert told["avatar_url"] == f"/users/{told['id']}/avatar"
    assert call(api.port, "GET", told["avatar_url"], **mine).status == 200
    ada.page.reload()
    until(lambda: picture.evaluate("image => image.naturalWidth") == 144, what="the picture to be drawn")
    ada.button("Remove").click()
    expect(picture).to_have_count(0)
    expect(ada.button("Add a picture")).to_be_focused()
    expect(ada.button("Remove")).to_have_count(0)
    assert call(api.port, "GET", "/auth/me", **mine).json["avatar_url"] is None


def test_an_api_key_is_shown_once_and_signs_in_until_it_is_revoked(ada: Person, other: Person) -> None:
    ada.says("a chat to find by key")
    ada.sees_reply_end()
    ada.goes_to("Settings")
    ada.tab("API keys").click()
    ada.button("Make a key").click()
    expect(ada.page.locator(".st-key-wrong-key-name")).to_be_visible()
    ada.field("What it is for").fill("Editor")
    ada.button("Make a key").click()
    shown = ada.page.locator(".st-key-new-key-shown")
    key = shown.get_by_test_id("stCode").first.inner_text().strip()
    expect(shown.get_by_test_id("stCode").nth(1)).to_contain_text(f"Bearer {key}")
    ada.button("I have copied it").click()
    expect(shown).to_have_count(0)
    until(lambda: key not in ada.page.content(), what="the key to leave the page")  # with the run's end

    program = other
    program.page.goto(program.url)
    program.button("Use an API key").click()
    program.field("API key").fill("no key at all")
    program.button("Sign in").click()
    expect(program.page.locator(".st-key-wrong-sign_in_key")).to_contain_text("does not look like")
    program.field("API key").fill(key)
    program.button("Sign in").click()
    program.sees_empty_chat()
    expect(program.row("a chat to find by key")).to_be_visible()
    program.page.reload()
    program.sees_empty_chat()
    program.goes_to("Settings")

    ada.button("Revoke").click()
    ada.page.locator(".st-key-question-yes button").click()
    expect(ada.page.locator("[class*=st-key-line-key-]")).to_have_count(0)
    program.tab("Preferences").click()
    expect(program.page.get_by_text("Your session has ended")).to_be_visible()


def test_sign_out_everywhere_ends_the_other_browser(ada: Person, other: Person) -> None:
    other.name = ada.name
    other.sign_in()
    other.sees_empty_chat()
    ada.goes_to("Settings")
    ada.tab("Security").click()
    expect(ada.page.locator("[class*=st-key-line-session-]")).to_have_count(2)
    expect(ada.page.get_by_text("this browser")).to_have_count(1)
    expect(ada.page.get_by_text("Chrome").first).to_be_visible()
    ada.button("Sign out everywhere").click()
    ada.page.locator(".st-key-question-yes button").click()
    expect(ada.field("Email or username")).to_be_visible()
    other.composer().fill("typed while the session ended")
    other.composer().press("Enter")
    expect(other.page.get_by_text("Your session has ended")).to_be_visible()
    other.field("Email or username").fill(ada.name)
    other.field("Password").fill(ada.password)
    other.button("Sign in").click()
    expect(other.composer()).to_have_value("typed while the session ended")


def test_a_password_is_changed_and_the_account_deleted(ada: Person) -> None:
    ada.goes_to("Settings")
    ada.tab("Security").click()
    ada.field("Current password").fill("not the password")
    ada.field("New password").fill("another long password")
    ada.button("Change password").click()
    expect(ada.page.locator("[class*=st-key-wrong-settings-]")).to_have_count(1)
    ada.field("Current password").fill(ada.password)
    ada.field("New password").fill("another long password")
    ada.button("Change password").click()
    expect(ada.page.get_by_text("Password changed")).to_be_visible()
    ada.field("Password").fill("another long password")
    ada.button("Delete my account…").click()
    expect(ada.button("Cancel")).to_be_focused()
    ada.button("Delete my account").click()
    expect(ada.field("Email or username")).to_be_visible()
    ada.sign_in("another long password")
    expect(ada.page.locator("[class*=st-key-wrong-]")).to_be_visible()


def test_the_keyboard_opens_a_new_chat_and_a_list_tells_its_keys(ada: Person) -> None:
    ada.says("to be left by keyboard")
    ada.sees_reply_end()
    ada.composer().focus()
    ada.page.keyboard.press("Control+Shift+O")
    ada.sees_empty_chat()
    expect(ada.composer()).to_be_focused()
    ada.open_account()
    ada.button("Keyboard shortcuts").click()
    expect(ada.page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("Stop the reply")


def test_chats_are_taken_along_as_files_and_brought_again(ada: Person, other: Person, tmp_path: Path) -> None:
    ada.says("worth keeping")
    ada.sees_reply_end()
    ada.choose("worth keeping", "Export")
    dialog = ada.page.get_by_role("dialog", name="Export this chat")
    expect(dialog.get_by_role("button", name="Web page")).to_be_focused()
    with ada.page.expect_download() as markdown:
        dialog.get_by_role("button", name="Markdown").click()
    expect(dialog.get_by_role("button", name="Markdown")).to_be_focused()
    assert markdown.value.suggested_filename == "worth-keeping.md"
    assert "worth keeping" in Path(markdown.value.path()).read_text()
    ada.page.locator(".st-key-export-close button").click()
    expect(dialog).to_have_count(0)
    ada.settles()
    ada.goes_to("Settings")
    ada.tab("Data").click()
    with ada.page.expect_download() as everything:
        ada.button("Download everything").click()
    assert everything.value.suggested_filename.endswith(".zip")
    with zipfile.ZipFile(everything.value.path()) as archive:
        assert b"worth keeping" in b"".join(archive.read(name) for name in archive.namelist())
    other.register()
    other.open("/settings")
    other.tab("Data").click()
    other.button("Import").click()
    expect(other.page.locator(".st-key-wrong-import")).to_contain_text("Choose the file first")
    picker = other.page.get_by_test_id("stFileUploaderDropzoneInput")
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 half a zip")
    picker.set_input_files(broken)
    expect(other.page.get_by_text("broken.zip")).to_be_visible()
    other.button("Import").click()
    expect(other.page.locator(".st-key-wrong-import-run")).to_contain_text("damaged or only half")
    good = tmp_path / "parley-export.zip"
    good.write_bytes(Path(everything.value.path()).read_bytes())
    picker.set_input_files(good)
    expect(other.page.get_by_text("parley-export.zip")).to_be_visible()
    other.button("Import").click()
    expect(other.page.locator(".st-key-import-report")).to_contain_text("1 new")
    other.button("Import").click()
    expect(other.page.locator(".st-key-import-report")).to_contain_text("1 here already")
    other.row("worth keeping").click()
    expect(other.bubble("worth keeping")).to_be_visible()


def test_a_slack_user_is_linked_by_a_code_and_unlinked(ada: Person, api: Server) -> None:
    ada.goes_to("Settings")
    ada.tab("Slack").click()
    ada.button("Make a code").click()
    shown = ada.page.locator(".st-key-slack-code")
    expect(shown).to_contain_text("/link ")
    command, code = shown.locator("code").first.inner_text().split()
    slack = SlackUser(api.port)
    assert "acts as" in slack.send(command, code)
    line = ada.page.locator(".st-key-line-slack")
    expect(line).to_contain_text(slack.user)  # the page looks by itself
    expect(shown).to_have_count(0)
    ada.button("Unlink").click()
    ada.page.locator(".st-key-question-yes button").click()
    expect(ada.button("Make a code")).to_be_visible()
    expect(line).to_have_count(0)
