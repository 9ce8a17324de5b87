def test_smoke(project, prefect):
    import time

    time.time()
    name = project.declare()
    from leeway.store.database import database

    database()
    from leeway import registry

    assert registry.champion(name) is None
