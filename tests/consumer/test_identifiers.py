"""What a user id may be, by the plain function and in a model: the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.identifiers import UserId, is_user_id

ADAPTER: TypeAdapter[str] = TypeAdapter(UserId)


def taken(value: object) -> bool:
    """Whether a model takes the value."""
    try:
        return ADAPTER.validate_python(value) == value
    except ValidationError:
        return False


def test_a_model_says_what_a_user_id_is() -> None:
    with pytest.raises(ValidationError, match="Not a user id \\(1 to 128 of "):
        ADAPTER.validate_python("a/b")


@pytest.mark.parametrize("value", ["a", "ada@example.com", "tenant:42", "A-Z_a.z~0", "x" * 128])
def test_user_ids(value: str) -> None:
    assert is_user_id(value)
    assert taken(value)


@pytest.mark.parametrize(
    "value",
    ["", "x" * 129, "ada\n", "\nada", "a b", "a/b", "a*", "ü", "٣", "a\0", "\ud800", 7, None],
)
def test_what_is_no_user_id(value: object) -> None:
    assert not is_user_id(value)
    assert not taken(value)


@settings(deadline=None, database=None)
@given(st.text() | st.from_regex(r"[A-Za-z0-9._~@:-]{1,130}$"))
def test_the_function_and_the_type_agree(value: str) -> None:
    assert is_user_id(value) == taken(value)
