"""Hamilton with its cache, which is what keeps the values of nodes."""

import time

import work
from hamilton import ad_hoc_utils, driver


def module_text() -> str:
    """Return one function a step."""
    nodes = [
        f"def step_{number}(step_{number - 1}: Any) -> Any:\n    return work.following(step_{number - 1})\n"
        for number in range(1, work.STEPS)
    ]
    head = "import work\nfrom typing import Any\n\ndef step_0() -> Any:\n    return work.first()\n"
    return "\n".join([head, *nodes])


if __name__ == "__main__":
    chain = ad_hoc_utils.module_from_source(module_text(), "chain")
    started = time.perf_counter()
    built = driver.Builder().with_modules(chain).with_cache(path=str(work.FOLDER)).build()
    built.execute([f"step_{work.STEPS - 1}"])
    work.report(time.perf_counter() - started)
