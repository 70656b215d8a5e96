"""gunicorn, set from Parley's own settings. `gunicorn -c deploy/gunicorn.conf.py api.wsgi:app`"""

import gc
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.getcwd())

from api.config import ConfigError, load

sys.modules.setdefault("rich", None)  # only development has it: structlog would take it along, 3 MiB and 35 ms

try:
    _settings = load()
except ConfigError as _error:
    sys.stderr.write(f"parley: {_error}\n")
    sys.exit(2)

bind = f"{_settings.api_host}:{_settings.api_port}"
workers = _settings.web_concurrency
threads = _settings.threads
worker_class = "api.web.worker.Worker"
worker_connections = 4096
preload_app = False  # threads, locks and the loop belong to the process that serves
keepalive = 15
timeout = 60
os.umask(0o077)  # the database and its journal are for this account alone
graceful_timeout = int(_settings.drain_seconds) + 25  # the drain, then the last transactions
proc_name = "parley"
accesslog = None  # one structured line a request is ours
errorlog = "-"
loglevel = "warning"
control_socket_disable = True
forwarded_allow_ips = ""  # what proxies say is read by the application, as far as TRUSTED_PROXIES counts them
limit_request_line = 8190


def pre_fork(server, worker):
    """The collector's marks would part what master and worker share."""
    gc.collect()
    gc.freeze()


if workers > 1:
    _metrics_folder = tempfile.mkdtemp(prefix="parley-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _metrics_folder  # noqa: TID251  (the library reads it there)

    def on_starting(server):
        """Import before the workers are forked: they share the memory. Nothing runs by an import."""
        if not server.cfg.reload:  # a worker that is reloaded shall see the code as it is then
            import api.app  # noqa: F401

    def child_exit(server, worker):
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)

    def on_exit(server):
        shutil.rmtree(_metrics_folder, ignore_errors=True)
