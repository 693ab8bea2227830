"""Seeds of worlds that once failed, each with what was wrong. They are lived through again by every run of the tests.

A seed stands for the same world as long as what is drawn from it stays as it is; what it found has a test of its own, too.
"""

KEPT: dict[int, str] = {
    1324: "a task whose containers vanished with the machine was started again, under the address that it had before",
    841: "a rolling deployment in its clean-up stopped the last healthy old task after its own had failed again",
}
