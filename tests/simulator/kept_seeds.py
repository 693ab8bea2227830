"""Seeds of worlds that once failed, each with what was wrong. They are lived through again by every run of the tests.

A seed stands for the same world as long as what is drawn from it stays as it is; what it found has a test of its own, too.
"""

KEPT: dict[int, str] = {
    618: "two deployments that failed before they had traffic were to be reconciled first, which never came about",
    873: "replacements beyond the desired count stayed where two deployments had failed for good",
    1324: "a task whose containers vanished with the machine was started again, under the address that it had before",
    841: "a rolling deployment in its clean-up stopped the last healthy old task after its own had failed again",
    1: "a deployment held back by a hook started and stopped tasks of the first one, which never completed, for ever",
    50044: "a rolling deployment held back by a hook started tasks of a first one that was never proven, above the ceiling",
    50192: "an early success stopped old tasks below a floor that was raised meanwhile",
    50513: "an early success in its clean-up started and stopped old tasks for ever once a new one was lost",
    50795: "a first deployment that failed in its shift left divided weights, and no later one could begin",
    50862: "a rolling deployment waited for ever for what a failed shift had left in the idle group",
    20261127000131: "the law forbade a rollback that begins in the clean-up to shift the traffic back",
    20261127000851: "the proxy held a request to a task that had died, and the next task got its address",
    20261127001065: "the law wanted a floor kept that was raised in the instant in which the last tasks below it went",
    20261127004499: "the law took a revision for proven that was COMPLETED with no task",
    20261127005157: "the law took a revision for proven whose restoration was overtaken",
    20261127016635: "tasks of the first of three first deployments stayed after the third had failed for good",
    20261127017478: "a pending task had the address of a dead one, whose target still got requests",
    20261127065258: "a rollback went to what was made last, not to what was proven last",
    20261127068558: "after a refused adoption the tasks that still had the traffic were stopped in a rollback",
}
