"""Values that are computed when first asked for."""

from __future__ import annotations

import threading

from headfit.maths.once import once


class Slow:
    """Two of these compute at the same time, or never."""

    together = threading.Barrier(2, timeout=20)
    count = 0

    @once
    def value(self) -> list[int]:
        """What it is."""
        self.together.wait()
        self.count += 1
        return [self.count]


def test_it_is_computed_once_and_kept() -> None:
    class Counted:
        count = 0

        @once
        def value(self) -> int:
            """What it is."""
            self.count += 1
            return self.count

    one = Counted()
    assert [one.value, one.value, Counted().value] == [1, 1, 1]
    assert Counted.value.__doc__ == "What it is."


def test_two_objects_do_not_wait_for_each_other() -> None:
    """As two threads that fit two heads once did."""
    found: list[list[int]] = []
    threads = [threading.Thread(target=lambda: found.append(Slow().value)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[1], [1]]


def test_two_threads_get_the_same() -> None:
    one, found = Slow(), []
    threads = [threading.Thread(target=lambda: found.append(one.value)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1]
