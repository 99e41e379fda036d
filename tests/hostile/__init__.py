"""Whatever anybody sends: an answer, no harm, and nothing of anybody else."""
