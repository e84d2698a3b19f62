"""A class's submissions into a gradebook: resumable, on this machine or on a cluster.

`work`     one submission in one worker process: the function that every engine runs
`local`    worker processes of this machine, by joblib's loky
`cluster`  workers of a Dask cluster
`run`      the loop: what is still to do, who died of what, one writer

A result counts when it is in the gradebook, and only then: whatever is killed is simply still to do.
"""
