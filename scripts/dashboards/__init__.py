"""The Grafana dashboards as code: `make dashboards` writes config/grafana/dashboards from them."""
