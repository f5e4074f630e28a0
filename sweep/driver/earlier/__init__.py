"""What is there of a sweep as a process starts or resumes it: it is refused, or deleted."""
