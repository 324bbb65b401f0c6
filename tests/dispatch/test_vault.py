"""The vault's keys: what is sealed opens with its key, its chart, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.adapters.vault import (
    Vault,
    is_open_to_others,
    key_id_of,
    make_vault,
    read_vault,
)
from dispatch.domain.errors import SourceError
from dispatch.domain.reporter import ConsentScope, PersonalField, Reporter
from tests.builders import moment

AT = moment("9:05")
PERSON = Reporter(
    name="山田花子",
    kana="ヤマダハナコ",
    phone="06-6969-5841",
    address="北区秘密町1-2-3",
    role="町会長",
    consent=ConsentScope.SHARED,
)
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=120)


def sealed(vault: Vault, chart_id: str = "a") -> tuple[bytes, str]:
    return vault.seal(chart_id, PERSON, at=AT), vault.key_id


@given(st.builds(Reporter, name=words, kana=words, phone=words, address=words))
def test_what_is_sealed_opens_as_it_was(person: Reporter) -> None:
    vault = Vault.in_memory()
    token = vault.seal("a", person, at=AT)
    assert vault.unseal("a", token, key_id=vault.key_id) == person


def test_a_token_tells_nothing_and_differs_each_time() -> None:
    vault = Vault.in_memory()
    first, _ = sealed(vault)
    second, _ = sealed(vault)
    assert first != second
    for field in PersonalField:
        assert PERSON.value(field).encode() not in first


def test_a_token_of_another_chart_or_a_changed_one_is_refused() -> None:
    vault = Vault.in_memory()
    token, key_id = sealed(vault)
    changed = token[:-5] + (b"AAAA=" if token[-5:] != b"AAAA=" else b"BBBB=")
    for chart_id, text in (("b", token), ("a", changed), ("a", b"")):
        with pytest.raises(SourceError, match="they were changed") as caught:
            vault.unseal(chart_id, text, key_id=key_id)
        assert "山田" not in str(caught.value)


def test_a_vault_without_the_key_says_which_file_lacks_it(tmp_path: Path) -> None:
    token, key_id = sealed(Vault.in_memory())
    other = make_vault(tmp_path / "vault.key")
    with pytest.raises(SourceError, match=r"vault\.key does not hold the key"):
        other.unseal("a", token, key_id=key_id)


def test_a_new_key_file_is_its_owners_alone_and_read_back_the_same(
    tmp_path: Path,
) -> None:
    file = tmp_path / "keys" / "vault.key"
    made = make_vault(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert not is_open_to_others(file)
    assert [path.name for path in file.parent.iterdir()] == ["vault.key"]
    again = read_vault(file)
    token, key_id = sealed(made)
    assert again.unseal("a", token, key_id=key_id) == PERSON
    assert again.phone_hash("06-6969-5841") == made.phone_hash("0669695841")


def test_a_key_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "vault.key"
    first = make_vault(file)
    before = file.read_bytes()
    assert make_vault(file).key_ids == first.key_ids  # the slower of two reads it
    assert file.read_bytes() == before


def test_a_key_file_that_others_may_read_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "vault.key"
    make_vault(file)
    file.chmod(0o640)
    assert is_open_to_others(file)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "geheim",
        "seal AAAA\nsearch 00\n",
        "seal ZZZZ\n",
        "search " + "0" * 64,
        "seal short\nsearch " + "0" * 64,
        "seal あ",
    ],
)
def test_what_is_no_key_file_is_refused_without_its_content(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "vault.key"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=r"vault\.key is no key file") as caught:
        read_vault(file)
    for word in text.split():
        assert word in {"seal", "search"} or word not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_key_file_that_cannot_be_read_or_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_vault(tmp_path / "none.key")
    (tmp_path / "file").write_text("x")
    with pytest.raises(SourceError, match="cannot be made"):
        make_vault(tmp_path / "file" / "vault.key")


def test_a_rotated_file_is_read_again_when_a_row_needs_its_new_key(
    tmp_path: Path,
) -> None:
    file = tmp_path / "vault.key"
    serving = make_vault(file)
    old, old_id = sealed(serving)
    rotated = read_vault(file).with_new_key()
    rotated.write()
    new, new_id = sealed(rotated)
    assert new_id != old_id
    assert serving.unseal("a", new, key_id=new_id) == PERSON
    assert serving.unseal("a", old, key_id=old_id) == PERSON
    assert serving.key_id == new_id  # what is new is sealed with the new key
    newest = rotated.with_newest_only()
    newest.write()
    serving.refresh()
    assert serving.key_ids == (new_id,)


def test_keys_that_are_known_outlive_their_file(tmp_path: Path) -> None:
    file = tmp_path / "vault.key"
    vault = make_vault(file)
    file.unlink()
    vault.refresh()
    token, key_id = sealed(vault)
    assert vault.unseal("a", token, key_id=key_id) == PERSON


def test_keys_that_cannot_be_written_are_told_and_the_old_ones_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "vault.key"
    vault = make_vault(file)
    before = file.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceError, match="No space left"):
        vault.with_new_key().write()
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["vault.key"]


def test_keys_in_memory_are_written_nowhere() -> None:
    vault = Vault.in_memory()
    vault.write()
    vault.refresh()
    assert vault.place == "memory"


def test_the_hash_of_a_number_needs_the_key() -> None:
    one, other = Vault.in_memory(), Vault.in_memory()
    assert one.phone_hash("06-6969-5841") == one.phone_hash("０６６９６９５８４１")
    assert one.phone_hash("06-6969-5841") != other.phone_hash("06-6969-5841")
    assert one.phone_hash("なし") == ""
    assert one.with_new_key().phone_hash("06-6969-5841") == one.phone_hash(
        "06-6969-5841"
    )


def test_the_name_of_a_key_is_no_part_of_it() -> None:
    key = b"A" * 43 + b"="
    assert len(key_id_of(key)) == 16
    assert key_id_of(key) not in key.hex()
