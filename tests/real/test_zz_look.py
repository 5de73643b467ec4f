from tests.cli.running_farm import open_farm
from tests.cli.command import run
import yaml, time
def test_look(mail_host, tmp_path):
    with open_farm((), records={mail_host.name: {"A": [mail_host.address]}}) as names:
        c = tmp_path/"c.yml"; c.write_text(yaml.safe_dump({"probe":{"source_address":"127.0.91.7","ehlo_name":"probe.client.test","ca_file":str(mail_host.ca_file),"allow_private":True},"resolver":{"servers":[names.farm.resolver]}}))
        o = run("scan", mail_host.name, "--config", c, "--format", "ndjson")
        for r in o.records: print(r["port"], r["capabilities"], r["capabilities_tls"], r["tls"], r["phases"])
        time.sleep(1)
        print(mail_host.dovecot_log_file.read_text()); print(mail_host.postfix.log_text()[-3000:])
