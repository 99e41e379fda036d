"""The people of the demo. There are no accounts: whoever opens the page picks who they are."""

import re

PEOPLE = {"ada": "Ada", "grace": "Grace", "linus": "Linus", "margaret": "Margaret"}

# Not in the middle of a word, so that an e-mail address mentions nobody.
_MENTION = re.compile(r"(?<![\w.@])@([a-z]+)\b", re.IGNORECASE)


def person(person_id: str) -> dict[str, str]:
    """A person as events and the page show them; whoever is not of the demo goes by their id."""
    return {"id": person_id, "name": PEOPLE.get(person_id, person_id)}


def mentioned_in(text: str) -> list[str]:
    """The ids of the people that `text` mentions as `@name`, each once, in order."""
    names = (match.lower() for match in _MENTION.findall(text))
    return [name for name in dict.fromkeys(names) if name in PEOPLE]
