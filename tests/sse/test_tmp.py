import pytest, time, httpx, signal
from tests.sse.place import *


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_x(place, user):
    place.tell(user, 2)
    with place.web.http(place.token(user)) as api:
        api.put("/api/v1/mailbox/seen", json={"up_to": 2}).raise_for_status()
    place.tell(user)
    with place.stream(user, 2) as s:
        print(events(s.wait_for_frames(2)), s.frames[-1].data[-60:])


from tests.sse.test_redis_away import shared_outages, outages


def test_y(outages):
    outages.send(signal.SIGSTOP)
    for _ in range(2):
        a = time.time()
        r = httpx.get(outages.web.url + "/readyz", timeout=60, trust_env=False)
        print("readyz", time.time() - a, r.text)
    outages.send(signal.SIGCONT)
