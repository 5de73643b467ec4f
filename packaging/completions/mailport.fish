# fish completion for mailport. Made from the command line by `make manual`. Do not edit.
complete -c mailport -f
complete -c mailport -n '__fish_use_subcommand' -a accounts -d 'Try to sign in with the accounts of the configuration, once, and say what to mend.'
complete -c mailport -n '__fish_use_subcommand' -a advise -d 'Say which servers, ports and settings to use for a domain, from what is measured now.'
complete -c mailport -n '__fish_use_subcommand' -a baseline -d 'Show what mailport serve remembers of endpoints, and accept, reset, pin or unpin it.'
complete -c mailport -n '__fish_use_subcommand' -a check -d 'Check configurations; every error comes with its file, line and key.'
complete -c mailport -n '__fish_use_subcommand' -a demo -d 'Start a farm of good, bad and hostile mail servers on loopback, scan it and serve the result.'
complete -c mailport -n '__fish_use_subcommand' -a events -d 'List what has changed, from the store of mailport serve, oldest first.'
complete -c mailport -n '__fish_use_subcommand' -a explain -d 'Say what a port is for, what an error means, or which of a program\'s settings is wrong.'
complete -c mailport -n '__fish_use_subcommand' -a health -d 'Ask the service on this machine whether it works; exit 0 if it does, 3 if not.'
complete -c mailport -n '__fish_use_subcommand' -a rejudge -d 'Judge the stored history again by today\'s rules, and tell what differs from what was told then.'
complete -c mailport -n '__fish_use_subcommand' -a scan -d 'Probe targets once and print what was found.'
complete -c mailport -n '__fish_use_subcommand' -a serve -d 'Watch targets for ever and serve the results to Prometheus and to people.'
complete -c mailport -n '__fish_use_subcommand' -a worker -d 'Make the probes that the scheduler of a cluster hands out.'
complete -c mailport -n '__fish_use_subcommand' -l version -d 'Show the version.'
complete -c mailport -n '__fish_use_subcommand' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from accounts' -l config -d 'Configuration (YAML).' -r -F
complete -c mailport -n '__fish_seen_subcommand_from accounts' -l format -d 'A table, an array, or a line each. Default: table.' -x -a 'table json ndjson'
complete -c mailport -n '__fish_seen_subcommand_from accounts' -l resolver -d 'Name server to ask, not the system\'s.' -x
complete -c mailport -n '__fish_seen_subcommand_from accounts' -l ca-file -d 'Certificates to trust, not the system\'s.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from accounts' -l allow-private -d 'Probe private, loopback and link-local addresses too.'
complete -c mailport -n '__fish_seen_subcommand_from accounts' -l exclude -d 'Names, addresses and networks to leave alone, one a line.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from accounts' -l timeout -d 'Cap on connect and on every single read, in seconds.' -x
complete -c mailport -n '__fish_seen_subcommand_from accounts' -l force -d 'Try too what waits after a refusal; accounts may get locked.'
complete -c mailport -n '__fish_seen_subcommand_from accounts' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from advise' -l for -d 'What the settings are for. Default: client.' -x -a 'client wordpress form crm automation'
complete -c mailport -n '__fish_seen_subcommand_from advise' -l devices -d 'How many devices read the mailbox.' -x
complete -c mailport -n '__fish_seen_subcommand_from advise' -l local -d 'Mail is kept on the device, or the mailbox has little room.'
complete -c mailport -n '__fish_seen_subcommand_from advise' -l format -d 'How to write it. Default: text.' -x -a 'text json'
complete -c mailport -n '__fish_seen_subcommand_from advise' -l config -d 'Configuration (YAML).' -r -F
complete -c mailport -n '__fish_seen_subcommand_from advise' -l resolver -d 'Name server to ask, not the system\'s.' -x
complete -c mailport -n '__fish_seen_subcommand_from advise' -l ca-file -d 'Certificates to trust, not the system\'s.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from advise' -l allow-private -d 'Probe private, loopback and link-local addresses too.'
complete -c mailport -n '__fish_seen_subcommand_from advise' -l exclude -d 'Names, addresses and networks to leave alone, one a line.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from advise' -l timeout -d 'Cap on connect and on every single read, in seconds.' -x
complete -c mailport -n '__fish_seen_subcommand_from advise' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from baseline; and not __fish_seen_subcommand_from accept pin reset show unpin' -a accept -d 'Make what was seen last the baseline: the change was meant.'
complete -c mailport -n '__fish_seen_subcommand_from baseline; and not __fish_seen_subcommand_from accept pin reset show unpin' -a pin -d 'Fix the baseline as it is: nothing is learnt and nothing ages.'
complete -c mailport -n '__fish_seen_subcommand_from baseline; and not __fish_seen_subcommand_from accept pin reset show unpin' -a reset -d 'Forget the baseline, so that it is learnt anew.'
complete -c mailport -n '__fish_seen_subcommand_from baseline; and not __fish_seen_subcommand_from accept pin reset show unpin' -a show -d 'Show the baseline of every endpoint of a target, what stands, and what orders will change.'
complete -c mailport -n '__fish_seen_subcommand_from baseline; and not __fish_seen_subcommand_from accept pin reset show unpin' -a unpin -d 'Let a fixed baseline be learnt on.'
complete -c mailport -n '__fish_seen_subcommand_from baseline; and not __fish_seen_subcommand_from accept pin reset show unpin' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from accept' -l address -d 'Only endpoints at this address.' -x
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from accept' -l config -d 'The configuration of mailport serve: where its store is.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from accept' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from pin' -l address -d 'Only endpoints at this address.' -x
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from pin' -l config -d 'The configuration of mailport serve: where its store is.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from pin' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from reset' -l address -d 'Only endpoints at this address.' -x
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from reset' -l config -d 'The configuration of mailport serve: where its store is.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from reset' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from show' -l address -d 'Only endpoints at this address.' -x
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from show' -l format -d 'How to write it. Default: text.' -x -a 'text json'
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from show' -l config -d 'The configuration of mailport serve: where its store is.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from show' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from unpin' -l address -d 'Only endpoints at this address.' -x
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from unpin' -l config -d 'The configuration of mailport serve: where its store is.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from baseline; and __fish_seen_subcommand_from unpin' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from check' -F
complete -c mailport -n '__fish_seen_subcommand_from check' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from demo' -l listen -d 'Where to serve the results. Default: 127.0.0.1:9587.' -x
complete -c mailport -n '__fish_seen_subcommand_from demo' -l once -d 'Print the table and end, serve nothing.'
complete -c mailport -n '__fish_seen_subcommand_from demo' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from events' -l since -d 'Only since then: 2h, 3d, 2026-01-02T03:04 (UTC).' -x
complete -c mailport -n '__fish_seen_subcommand_from events' -l until -d 'Only until then.' -x
complete -c mailport -n '__fish_seen_subcommand_from events' -l severity -d 'Only of this weight, or worse.' -x
complete -c mailport -n '__fish_seen_subcommand_from events' -l kind -d 'Only of this kind; may be given again.' -x
complete -c mailport -n '__fish_seen_subcommand_from events' -l host -d 'Only about endpoints of this host.' -x
complete -c mailport -n '__fish_seen_subcommand_from events' -l limit -d 'The newest so many of them. Default: 100.' -x
complete -c mailport -n '__fish_seen_subcommand_from events' -l format -d 'How to write them. Default: text.' -x -a 'text json ndjson'
complete -c mailport -n '__fish_seen_subcommand_from events' -l follow -d 'Go on with new ones until Ctrl-C.'
complete -c mailport -n '__fish_seen_subcommand_from events' -l config -d 'The configuration of mailport serve: where its store is.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from events' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from explain' -l format -d 'How to write it. Default: text.' -x -a 'text json'
complete -c mailport -n '__fish_seen_subcommand_from explain' -l config -d 'What a program is set to, MODE being ssl, starttls or none; and a configuration (YAML).' -x
complete -c mailport -n '__fish_seen_subcommand_from explain' -l domain -d 'Whose mail it is: look there for the cause.' -x
complete -c mailport -n '__fish_seen_subcommand_from explain' -l devices -d 'How many devices read the mailbox.' -x
complete -c mailport -n '__fish_seen_subcommand_from explain' -l resolver -d 'Name server to ask, not the system\'s.' -x
complete -c mailport -n '__fish_seen_subcommand_from explain' -l ca-file -d 'Certificates to trust, not the system\'s.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from explain' -l allow-private -d 'Probe private, loopback and link-local addresses too.'
complete -c mailport -n '__fish_seen_subcommand_from explain' -l exclude -d 'Names, addresses and networks to leave alone, one a line.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from explain' -l timeout -d 'Cap on connect and on every single read, in seconds.' -x
complete -c mailport -n '__fish_seen_subcommand_from explain' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from health' -l config -d 'Configuration that `serve` was given.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from health' -l web-config -d 'Web configuration that `serve` was given: opens its password.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from health' -l listen -d 'Where it listens, if not as the file says.' -x
complete -c mailport -n '__fish_seen_subcommand_from health' -l ready -d 'Ask whether the first pass is done, not only for life.'
complete -c mailport -n '__fish_seen_subcommand_from health' -l client-cert -d 'Certificate and key to show, where it lets in only such clients.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from health' -l timeout -d 'How long to wait for the answer. Default: 4.0.' -x
complete -c mailport -n '__fish_seen_subcommand_from health' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from rejudge' -l since -d 'Tell only differences since then.' -x
complete -c mailport -n '__fish_seen_subcommand_from rejudge' -l apply -d 'Let mailport serve go on from the result; it must not run now.'
complete -c mailport -n '__fish_seen_subcommand_from rejudge' -l format -d 'How to write it. Default: text.' -x -a 'text json'
complete -c mailport -n '__fish_seen_subcommand_from rejudge' -l config -d 'The configuration of mailport serve: where its store is.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from rejudge' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from scan' -l targets -d 'Targets, one a line; - reads them from stdin.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from scan' -l ports -d 'Ports of targets that name none (default: all seven).' -x
complete -c mailport -n '__fish_seen_subcommand_from scan' -l format -d 'How to write the results. Default: table.' -x -a 'table json ndjson csv'
complete -c mailport -n '__fish_seen_subcommand_from scan' -l out -d 'Write the results here, not to stdout.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from scan' -l config -d 'Configuration (YAML).' -r -F
complete -c mailport -n '__fish_seen_subcommand_from scan' -l resolver -d 'Name server to ask instead of the system\'s.' -x
complete -c mailport -n '__fish_seen_subcommand_from scan' -l ca-file -d 'Certificates to trust, not the system\'s.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from scan' -l allow-private -d 'Probe private, loopback and link-local addresses too.'
complete -c mailport -n '__fish_seen_subcommand_from scan' -l exclude -d 'Names, addresses and networks to leave alone, one a line.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from scan' -l ipv4 -d 'IPv4 addresses only.'
complete -c mailport -n '__fish_seen_subcommand_from scan' -l ipv6 -d 'IPv6 addresses only.'
complete -c mailport -n '__fish_seen_subcommand_from scan' -l concurrency -d 'Connections open at once (default 200).' -x
complete -c mailport -n '__fish_seen_subcommand_from scan' -l rate -d 'Connections started a second, 0 = no limit (default 50).' -x
complete -c mailport -n '__fish_seen_subcommand_from scan' -l timeout -d 'Cap on connect and on every single read, in seconds.' -x
complete -c mailport -n '__fish_seen_subcommand_from scan' -l no-versions -d 'Do not list the TLS versions that a server accepts.'
complete -c mailport -n '__fish_seen_subcommand_from scan' -l groups -d 'List the key exchange groups too: two connections more.'
complete -c mailport -n '__fish_seen_subcommand_from scan' -l fail-on -d 'Exit with 1 if there are findings of this weight. Default: never.' -x -a 'never warning critical'
complete -c mailport -n '__fish_seen_subcommand_from scan' -l resume -d 'Keep finished results here and go on from them.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from scan' -l cluster -d 'Have the workers at this broker make the probes (redis://...; docs/scaling.md).' -x
complete -c mailport -n '__fish_seen_subcommand_from scan' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from serve' -l config -d 'Configuration (YAML).' -r -F
complete -c mailport -n '__fish_seen_subcommand_from serve' -l listen -d 'Where to serve HTTP (default 0.0.0.0:9587).' -x
complete -c mailport -n '__fish_seen_subcommand_from serve' -l web-config -d 'TLS and passwords for HTTP, as exporter-toolkit has.' -r -F
complete -c mailport -n '__fish_seen_subcommand_from serve' -l grafana -d 'Where Grafana is, for links from the pages to it.' -x
complete -c mailport -n '__fish_seen_subcommand_from serve' -l shard -d 'Probe the I-th of N parts of all targets (2/3; docs/scaling.md).' -x
complete -c mailport -n '__fish_seen_subcommand_from serve' -l log-format -d 'How to write the log (to stderr). Default: text.' -x -a 'text json'
complete -c mailport -n '__fish_seen_subcommand_from serve' -l help -d 'Show what the command is for, and its options.'
complete -c mailport -n '__fish_seen_subcommand_from worker' -l config -d 'Configuration (YAML).' -r -F
complete -c mailport -n '__fish_seen_subcommand_from worker' -l log-format -d 'How to write the log (to stderr). Default: text.' -x -a 'text json'
complete -c mailport -n '__fish_seen_subcommand_from worker' -l help -d 'Show what the command is for, and its options.'
