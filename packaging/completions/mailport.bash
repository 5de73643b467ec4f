# bash completion for mailport. Made from the command line by `make manual`. Do not edit.
_mailport() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= i
    # --option=value comes as three words.
    [[ $current == = ]] && current=
    [[ $previous == = ]] && previous=${COMP_WORDS[COMP_CWORD-2]}
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$command/${COMP_WORDS[i]}" in
            '/accounts') command='accounts' ;;
            '/advise') command='advise' ;;
            '/baseline') command='baseline' ;;
            'baseline/accept') command='baseline accept' ;;
            'baseline/pin') command='baseline pin' ;;
            'baseline/reset') command='baseline reset' ;;
            'baseline/show') command='baseline show' ;;
            'baseline/unpin') command='baseline unpin' ;;
            '/check') command='check' ;;
            '/demo') command='demo' ;;
            '/events') command='events' ;;
            '/explain') command='explain' ;;
            '/health') command='health' ;;
            '/rejudge') command='rejudge' ;;
            '/scan') command='scan' ;;
            '/serve') command='serve' ;;
            '/worker') command='worker' ;;
        esac
    done
    case "$command/$previous" in
        'accounts/--config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'accounts/--format') COMPREPLY=($(compgen -W 'table json ndjson' -- "$current")); return ;;
        'accounts/--resolver') COMPREPLY=(); return ;;
        'accounts/--ca-file') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'accounts/--exclude') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'accounts/--timeout') COMPREPLY=(); return ;;
        'advise/--for') COMPREPLY=($(compgen -W 'client wordpress form crm automation' -- "$current")); return ;;
        'advise/--devices') COMPREPLY=(); return ;;
        'advise/--format') COMPREPLY=($(compgen -W 'text json' -- "$current")); return ;;
        'advise/--config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'advise/--resolver') COMPREPLY=(); return ;;
        'advise/--ca-file') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'advise/--exclude') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'advise/--timeout') COMPREPLY=(); return ;;
        'baseline accept/--address') COMPREPLY=(); return ;;
        'baseline accept/--config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'baseline pin/--address') COMPREPLY=(); return ;;
        'baseline pin/--config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'baseline reset/--address') COMPREPLY=(); return ;;
        'baseline reset/--config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'baseline show/--address') COMPREPLY=(); return ;;
        'baseline show/--format') COMPREPLY=($(compgen -W 'text json' -- "$current")); return ;;
        'baseline show/--config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'baseline unpin/--address') COMPREPLY=(); return ;;
        'baseline unpin/--config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'demo/--listen') COMPREPLY=(); return ;;
        'events/--since') COMPREPLY=(); return ;;
        'events/--until') COMPREPLY=(); return ;;
        'events/--severity') COMPREPLY=(); return ;;
        'events/--kind') COMPREPLY=(); return ;;
        'events/--host') COMPREPLY=(); return ;;
        'events/--limit') COMPREPLY=(); return ;;
        'events/--format') COMPREPLY=($(compgen -W 'text json ndjson' -- "$current")); return ;;
        'events/--config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'explain/--format') COMPREPLY=($(compgen -W 'text json' -- "$current")); return ;;
        'explain/--config') COMPREPLY=(); return ;;
        'explain/--domain') COMPREPLY=(); return ;;
        'explain/--devices') COMPREPLY=(); return ;;
        'explain/--resolver') COMPREPLY=(); return ;;
        'explain/--ca-file') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'explain/--exclude') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'explain/--timeout') COMPREPLY=(); return ;;
        'health/--config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'health/--web-config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'health/--listen') COMPREPLY=(); return ;;
        'health/--client-cert') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'health/--timeout') COMPREPLY=(); return ;;
        'rejudge/--since') COMPREPLY=(); return ;;
        'rejudge/--format') COMPREPLY=($(compgen -W 'text json' -- "$current")); return ;;
        'rejudge/--config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'scan/--targets') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'scan/--ports') COMPREPLY=(); return ;;
        'scan/--format') COMPREPLY=($(compgen -W 'table json ndjson csv' -- "$current")); return ;;
        'scan/--out') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'scan/--config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'scan/--resolver') COMPREPLY=(); return ;;
        'scan/--ca-file') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'scan/--exclude') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'scan/--concurrency') COMPREPLY=(); return ;;
        'scan/--rate') COMPREPLY=(); return ;;
        'scan/--timeout') COMPREPLY=(); return ;;
        'scan/--fail-on') COMPREPLY=($(compgen -W 'never warning critical' -- "$current")); return ;;
        'scan/--resume') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'scan/--cluster') COMPREPLY=(); return ;;
        'serve/--config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'serve/--listen') COMPREPLY=(); return ;;
        'serve/--web-config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'serve/--grafana') COMPREPLY=(); return ;;
        'serve/--shard') COMPREPLY=(); return ;;
        'serve/--log-format') COMPREPLY=($(compgen -W 'text json' -- "$current")); return ;;
        'worker/--config') compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
        'worker/--log-format') COMPREPLY=($(compgen -W 'text json' -- "$current")); return ;;
    esac
    case "$command/$current" in
        ''/-*) COMPREPLY=($(compgen -W '--version --help' -- "$current")) ;;
        ''/*) COMPREPLY=($(compgen -W 'accounts advise baseline check demo events explain health rejudge scan serve worker' -- "$current")) ;;
        'accounts'/-*) COMPREPLY=($(compgen -W '--config --format --resolver --ca-file --allow-private --exclude --timeout --force --help' -- "$current")) ;;
        'advise'/-*) COMPREPLY=($(compgen -W '--for --devices --local --format --config --resolver --ca-file --allow-private --exclude --timeout --help' -- "$current")) ;;
        'baseline'/-*) COMPREPLY=($(compgen -W '--help' -- "$current")) ;;
        'baseline'/*) COMPREPLY=($(compgen -W 'accept pin reset show unpin' -- "$current")) ;;
        'baseline accept'/-*) COMPREPLY=($(compgen -W '--address --config --help' -- "$current")) ;;
        'baseline pin'/-*) COMPREPLY=($(compgen -W '--address --config --help' -- "$current")) ;;
        'baseline reset'/-*) COMPREPLY=($(compgen -W '--address --config --help' -- "$current")) ;;
        'baseline show'/-*) COMPREPLY=($(compgen -W '--address --format --config --help' -- "$current")) ;;
        'baseline unpin'/-*) COMPREPLY=($(compgen -W '--address --config --help' -- "$current")) ;;
        'check'/-*) COMPREPLY=($(compgen -W '--help' -- "$current")) ;;
        'check'/*) compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")) ;;
        'demo'/-*) COMPREPLY=($(compgen -W '--listen --once --help' -- "$current")) ;;
        'events'/-*) COMPREPLY=($(compgen -W '--since --until --severity --kind --host --limit --format --follow --config --help' -- "$current")) ;;
        'explain'/-*) COMPREPLY=($(compgen -W '--format --config --domain --devices --resolver --ca-file --allow-private --exclude --timeout --help' -- "$current")) ;;
        'health'/-*) COMPREPLY=($(compgen -W '--config --web-config --listen --ready --client-cert --timeout --help' -- "$current")) ;;
        'rejudge'/-*) COMPREPLY=($(compgen -W '--since --apply --format --config --help' -- "$current")) ;;
        'scan'/-*) COMPREPLY=($(compgen -W '--targets --ports --format --out --config --resolver --ca-file --allow-private --exclude --ipv4 --ipv6 --concurrency --rate --timeout --no-versions --groups --fail-on --resume --cluster --help' -- "$current")) ;;
        'serve'/-*) COMPREPLY=($(compgen -W '--config --listen --web-config --grafana --shard --log-format --help' -- "$current")) ;;
        'worker'/-*) COMPREPLY=($(compgen -W '--config --log-format --help' -- "$current")) ;;
    esac
}
complete -F _mailport mailport
