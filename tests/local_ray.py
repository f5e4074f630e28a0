"""A Ray of this process alone, for tests and benchmarks."""


def start_ray(num_cpus: int) -> None:
    """Start Ray on this machine with so many CPUs, and join it; `ray.shutdown` ends it."""
    import ray

    ray.init(
        address="local",
        num_cpus=num_cpus,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
    )
