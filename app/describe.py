"""`@describe`: what a view takes and answers, said beside it, for whoever calls it.

`app.openapi` makes the description of the whole API of this. Nothing of it runs in a request: what
a view accepts is checked by the view, and whether all of this is true by the tests.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

View = TypeVar("View", bound=Callable[..., Any])
Mode = Literal["validation", "serialization"]

JSON: Final = "application/json"
_ATTRIBUTE: Final = "tidings_description"


class Output(BaseModel):
    """What is answered. Nothing that is not named here may be in it: the tests see to that."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that is no problem: its model, if it has a body, and headers it may carry."""

    model: type[BaseModel] | None = None
    media_type: str = JSON
    headers: Sequence[str] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """What one view says of itself. Summary and text are its docstring."""

    tag: str
    answers: Mapping[int, Answer]
    path: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    body: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    request_headers: Sequence[str] = ()
    problems: Sequence[int] = ()
    scopes: Sequence[str] = ()
    tickets: bool = False
    public: bool = False
    bearer_only: bool = False
    invalid_query: int = 422

    def models(self) -> Iterator[tuple[type[BaseModel], Mode]]:
        """The models of its bodies, each with the side on which it is read."""
        yield from (
            (answer.model, "serialization") for answer in self.answers.values() if answer.model
        )
        yield from ((model, "validation") for model in self.body.values())


def describe(
    tag: str,
    answer: type[BaseModel] | Mapping[int, Answer],
    *,
    path: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    body: type[BaseModel] | Mapping[str, type[BaseModel]] | None = None,
    request_headers: Sequence[str] = (),
    problems: Sequence[int] = (),
    scopes: Sequence[str] = (),
    tickets: bool = False,
    public: bool = False,
    bearer_only: bool = False,
    invalid_query: int = 422,
) -> Callable[[View], View]:
    """Say what a view takes and answers; the view itself stays as it is.

    `answer` is the model of a 200, or all answers by status. Problems that follow from the rest
    (400, 401, 403, 405, 413, 415, 422, 429, 503) need not be named in `problems`. `tickets`: takes
    one in place of a token; `bearer_only`: takes no session cookie; `public`: needs none.
    """
    description = Description(
        tag=tag,
        answers={200: Answer(answer)} if isinstance(answer, type) else answer,
        path=path,
        query=query,
        body={JSON: body} if isinstance(body, type) else body or {},
        request_headers=request_headers,
        problems=problems,
        scopes=scopes,
        tickets=tickets,
        public=public,
        bearer_only=bearer_only,
        invalid_query=invalid_query,
    )

    def described(view: View) -> View:
        # In its __dict__, which functools.wraps() takes along.
        vars(view)[_ATTRIBUTE] = description
        return view

    return described


def description_of(view: Callable[..., Any]) -> Description | None:
    """What the view said of itself, if it did."""
    found: Description | None = vars(view).get(_ATTRIBUTE)
    return found
