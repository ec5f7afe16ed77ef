"""ucid's batch layer every hour, for Airflow 3; copy it into your dags folder.

The settings (UCID_KAFKA, UCID_REDIS, …) come from the worker's environment. See docs/scheduling.md.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="ucid_batch",
    schedule="5 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=5)},
    tags=["ucid"],
):
    # An export that was taken before is not taken again.
    import_crm = BashOperator(task_id="import_crm", bash_command="ucid import /etc/ucid/crm.yaml")
    # 75: another run is at work, so this one has nothing to do.
    batch = BashOperator(task_id="batch", bash_command="ucid batch --no-wait", skip_on_exit_code=75)
    parity = BashOperator(task_id="parity", bash_command="ucid parity", retries=0)

    import_crm >> batch >> parity
