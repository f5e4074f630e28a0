"""A Ray of this process alone, for tests and benchmarks."""

from typing import Any


def start_ray(num_cpus: int, **system_config: Any) -> None:
    """Start Ray on this machine with so many CPUs, and join it; `ray.shutdown` ends it.

    system_config: settings of Ray's own programs.
    """
    import ray

    ray.init(
        address="local",
        num_cpus=num_cpus,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _system_config=system_config or None,
    )
