"""What `lastgood zabbix apply` makes in a Zabbix: templates, hosts, user groups, actions. Nothing is deleted."""
