"""Lines that real servers, mail programs and libraries write, and the explanation that each has to get."""

LINES: tuple[tuple[str, str], ...] = (
    # Gmail
    (
        "535-5.7.8 Username and Password not accepted. For more information, go to\n"
        "535 5.7.8  https://support.google.com/mail/?p=BadCredentials d2e1a72fcca58-6e3b4sm123b3a.14 - gsmtp",
        "auth_failed",
    ),
    (
        "534-5.7.9 Application-specific password required. For more information, go to\n"
        "534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor 5sm1234567wmb.12 - gsmtp",
        "app_password_required",
    ),
    (
        "534-5.7.14 <https://accounts.google.com/signin/continue?sarp=1&scc=1> Please log in via your\n"
        "534-5.7.14 web browser and then try again.\n534-5.7.14  Learn more at\n"
        "534 5.7.14  https://support.google.com/mail/answer/78754 q11sm1234567wrx.5 - gsmtp",
        "web_login_required",
    ),
    (
        "530-5.7.0 Authentication Required. For more information, go to\n530 5.7.0  https://support.google.com/accounts/troubleshooter/2402620.",
        "authentication_required",
    ),
    ("530-5.7.0 Must issue a STARTTLS command first. For more information, go to", "encryption_required"),
    ("a NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", "auth_failed"),
    (
        "* NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
        "app_password_required",
    ),
    (
        "* NO [WEBALERT https://accounts.google.com/signin/continue?sarp=1] Web login required.",
        "web_login_required",
    ),
    (
        "A1 NO [ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)",
        "imap_disabled",
    ),
    ("* BYE [ALERT] Too many simultaneous connections. (Failure)", "too_many_connections"),
    ("-ERR [AUTH] Username and password not accepted.", "auth_failed"),
    (
        "-ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your Gmail settings page and enable your account for POP access.",
        "imap_disabled",
    ),
    (
        "550-5.7.26 This mail has been blocked because the sender is unauthenticated.\n550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.",
        "sender_unauthenticated",
    ),
    (
        "550-5.7.25 [192.0.2.7] The IP address sending this message does not have a PTR record setup",
        "no_reverse_name",
    ),
    (
        "421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address.",
        "rate_limited",
    ),
    ("452-4.2.2 The recipient's inbox is out of storage space. Please direct the recipient to", "over_quota"),
    (
        "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking the recipient's email address for typos",
        "no_such_recipient",
    ),
    (
        "552-5.3.4 Your message exceeded Google's message size limits. To view our message size",
        "message_too_big",
    ),
    (
        "454 4.7.0 Too many login attempts, please try again later. b9-20020adfe309000000b0020d0c9c95d3sm2119253wrj.77 - gsmtp",
        "too_many_attempts",
    ),
    # Microsoft 365, Outlook.com, Exchange
    (
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [MN2PR05CA0004.namprd05.prod.outlook.com 2023-09-12T20:59:57.214Z 08DBB276B7E699C4]",
        "auth_disabled",
    ),
    (
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information.",
        "auth_disabled",
    ),
    (
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [BM1P287CA0015.INDP287.PROD.OUTLOOK.COM]",
        "auth_disabled",
    ),
    (
        "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. [LO4P123CA0001.GBRP123.PROD.OUTLOOK.COM]",
        "auth_failed",
    ),
    (
        "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.",
        "auth_disabled",
    ),
    (
        "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator.",
        "auth_disabled",
    ),
    ("550 5.7.30 Basic authentication is not supported for Client Submission.", "auth_disabled"),
    ("535 5.7.3 Authentication unsuccessful [BN3PR03CA0067.namprd03.prod.outlook.com]", "auth_failed"),
    (
        "530 5.7.57 Client not authenticated to send mail. [AM0PR02CA0001.eurprd02.prod.outlook.com]",
        "authentication_required",
    ),
    (
        "The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
        "auth_disabled",
    ),
    (
        "504 5.7.4 Unrecognized Authentication Type [DB6P18901CA0015.EURP189.PROD.OUTLOOK.COM]",
        "mechanism_unsupported",
    ),
    (
        "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls.",
        "tls_version",
    ),
    ("550 5.7.60 SMTP; Client does not have permissions to send as this sender", "sender_not_allowed"),
    (
        "554 5.2.252 SendAsDenied; jane@example.org not allowed to send as info@example.org; STOREDRV.Submission.Exception:SendAsDeniedException",
        "sender_not_allowed",
    ),
    ("550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "relay_denied"),
    (
        "550 5.7.606 Access denied, banned sending IP [192.0.2.7]. To request removal from this list please visit https://sender.office.com/",
        "listed_address",
    ),
    ("451 4.7.500 Server busy. Please try again later from [192.0.2.7]. (S77714)", "rate_limited"),
    ("501 5.5.4 Invalid domain name [VI1PR08CA0001.eurprd08.prod.outlook.com]", "helo_rejected"),
    ("538 5.7.11 Encryption required for requested authentication mechanism", "encryption_required"),
    ("BAD User is authenticated but not connected.", "imap_disabled"),
    ("-ERR Logon failure: unknown user name or bad password.", "auth_failed"),
    # Yahoo, Zoho, GMX, QQ, Yandex
    ("Error: Invalid login: 535 5.7.0 (#AUTH005) Too many bad auth attempts.", "too_many_attempts"),
    (
        "421 4.7.0 [TSS04] Messages from 192.0.2.7 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes",
        "rate_limited",
    ),
    ("553 Relaying disallowed as info@example.org", "sender_not_allowed"),
    ("550 5.4.6 Unusual sending activity detected. Please try after sometime", "rate_limited"),
    ("535 Authentication Failed", "auth_failed"),
    ("535 Authentication credentials invalid", "auth_failed"),
    (
        "554-gmx.net (mxgmx115) Nemesis ESMTP Service not available\n554-No SMTP service\n554-IP address is black listed.\n554 For explanation visit https://postmaster.gmx.net/en/case?c=r0103",
        "listed_address",
    ),
    (
        "2 NO [AUTHENTICATIONFAILED] LOGIN Invalid credentials or IMAP is disabled sc=ebI8JB0ug4Y1_290737_53p",
        "imap_disabled",
    ),
    (
        "535 Login Fail. Please enter your authorization code to login. More information in http://service.mail.qq.com",
        "app_password_required",
    ),
    # Postfix, as a server and in its log
    ("554 5.7.1 <someone@example.net>: Relay access denied", "relay_denied"),
    ("454 4.7.1 <someone@example.net>: Relay access denied", "relay_denied"),
    ("535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6", "auth_failed"),
    ("535 5.7.8 Error: authentication failed: Invalid authentication mechanism", "mechanism_unsupported"),
    (
        "454 4.7.0 Temporary authentication failure: Connection lost to authentication server",
        "auth_server_trouble",
    ),
    ("454 4.7.0 TLS not available due to local problem", "tls_temporarily_unavailable"),
    ("530 5.7.0 Must issue a STARTTLS command first", "encryption_required"),
    ("503 5.5.1 Error: authentication not enabled", "auth_not_offered"),
    (
        "553 5.7.1 <info@example.org>: Sender address rejected: not owned by user jane@example.org",
        "sender_not_allowed",
    ),
    ("504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname", "helo_rejected"),
    ("450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.7]", "no_reverse_name"),
    (
        "450 4.2.0 <jane@example.org>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.org.html",
        "greylisted",
    ),
    (
        "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.7",
        "listed_address",
    ),
    (
        "550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
        "no_such_recipient",
    ),
    ("552 5.3.4 Message size exceeds fixed limit", "message_too_big"),
    (
        "postfix/smtpd[1234]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
        "auth_failed",
    ),
    (
        "postfix/smtp[1234]: connect to mx.example.org[192.0.2.7]:25: Connection timed out",
        "connection_timed_out",
    ),
    ("postfix/smtp[1234]: connect to mx.example.org[192.0.2.7]:25: Connection refused", "connection_refused"),
    (
        "postfix/smtp[1234]: connect to gmail-smtp-in.l.google.com[2001:db8::1a]:25: Network is unreachable",
        "no_route",
    ),
    (
        "postfix/smtp[1234]: A1B2C3: to=<x@example.org>, relay=none, delay=5, status=deferred (Host or domain name not found. Name service error for name=mx.example.org type=A: Host not found, try again)",
        "dns_failure",
    ),
    (
        "status=deferred (TLS is required, but was not offered by host mx.example.org[192.0.2.7])",
        "starttls_not_offered",
    ),
    ("status=deferred (Server certificate not trusted)", "certificate_incomplete"),
    ("postfix/smtpd[1234]: lost connection after STARTTLS from unknown[192.0.2.7]", "lost_connection_after"),
    ("postfix/smtpd[1234]: lost connection after AUTH from unknown[192.0.2.7]", "lost_connection_after"),
    (
        "status=deferred (lost connection with mx.example.org[192.0.2.7] while receiving the initial server greeting)",
        "connection_reset",
    ),
    ("postfix/smtpd[99]: fatal: no SASL authentication mechanisms", "auth_not_offered"),
    ("warning: SASL authentication failure: No worthy mechs found", "mechanism_unsupported"),
    ("postfix/smtpd[7]: improper command pipelining after EHLO from unknown[192.0.2.7]", "protocol_misused"),
    # Exim
    ("550 relay not permitted", "relay_denied"),
    ("535 Incorrect authentication data", "auth_failed"),
    ("503 AUTH command used when not advertised", "auth_not_offered"),
    (
        "2026-01-02 03:04:05 dovecot_login authenticator failed for (localhost) [192.0.2.7]: 535 Incorrect authentication data (set_id=jane)",
        "auth_failed",
    ),
    (
        "2026-01-02 03:04:05 1aBcDe-000001-AB H=mx.example.org [192.0.2.7] Connection timed out",
        "connection_timed_out",
    ),
    (
        "TLS error on connection from mail.example.org [192.0.2.7] (gnutls_handshake): The TLS connection was non-properly terminated.",
        "tls_cut_off",
    ),
    (
        "550-Verification failed for <web@example.org>\n550-Unrouteable address\n550 Sender verify failed",
        "sender_not_allowed",
    ),
    # Sendmail, qmail and others
    ("554 5.7.1 <unknown[192.0.2.7]>: Client host rejected: Access denied", "refused_by_policy"),
    ("550 5.7.1 Message rejected as spam by Content Filtering.", "content_refused"),
    ("a1 NO [EXPIRED] Password has expired", "password_expired"),
    ("Could not connect to SMTP host: localhost, port: 25", "app_uses_25"),
    ("550 5.7.1 <someone@example.net>... Relaying denied. Proper authentication required.", "relay_denied"),
    ("421 Too many concurrent SMTP connections; please try again later.", "too_many_connections"),
    ("556 5.1.10 Recipient address has null MX", "null_mx"),
    # Dovecot
    ("a1 NO [AUTHENTICATIONFAILED] Authentication failed.", "auth_failed"),
    (
        "* BAD [ALERT] Plaintext authentication not allowed without SSL/TLS, but your client did it anyway. If anyone was listening, the password was exposed.",
        "encryption_required",
    ),
    (
        "a1 NO [PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.",
        "encryption_required",
    ),
    (
        "a1 NO [UNAVAILABLE] Temporary authentication failure. [mail:2026-01-02 03:04:05]",
        "auth_server_trouble",
    ),
    (
        "a1 NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
        "too_many_connections",
    ),
    ("552 5.2.2 <jane@example.org> Quota exceeded (mailbox for user is full)", "over_quota"),
    (
        "imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<jane>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, TLS",
        "auth_failed",
    ),
    (
        "imap-login: Disconnected (no auth attempts in 0 secs): user=<>, rip=192.0.2.7, lip=192.0.2.1",
        "lost_connection_after",
    ),
    (
        "imap-login: Aborted login (tried to use disallowed plaintext auth): user=<>, rip=192.0.2.7, lip=192.0.2.1",
        "encryption_required",
    ),
    (
        "imap-login: Disconnected: TLS handshaking: SSL_accept() failed: error:14094416:SSL routines:ssl3_read_bytes:sslv3 alert certificate unknown: SSL alert number 46",
        "client_rejected_certificate",
    ),
    ("-ERR [IN-USE] Couldn't open INBOX: Mailbox is locked", "mailbox_in_use"),
    # Node.js and nodemailer
    ("Error: connect ETIMEDOUT 192.0.2.7:587 { code: 'ESOCKET', command: 'CONN' }", "connection_timed_out"),
    ("Error: connect ECONNREFUSED 127.0.0.1:587", "connection_refused"),
    ("Error: getaddrinfo ENOTFOUND smtp.exmaple.org", "name_not_found"),
    ("Error: getaddrinfo EAI_AGAIN smtp.example.org", "dns_failure"),
    ("Error: Greeting never received { code: 'ETIMEDOUT', command: 'CONN' }", "connection_timed_out"),
    (
        "Error: unable to verify the first certificate { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }",
        "certificate_incomplete",
    ),
    (
        "Error: self-signed certificate in certificate chain { code: 'SELF_SIGNED_CERT_IN_CHAIN' }",
        "certificate_self_signed",
    ),
    (
        "Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames: Host: mail.example.org. is not in the cert's altnames: DNS:*.example.net",
        "certificate_name",
    ),
    (
        "Error: 140735195593600:error:1408F10B:SSL routines:ssl3_get_record:wrong version number:../deps/openssl/openssl/ssl/record/ssl3_record.c:332:",
        "wrong_tls_mode",
    ),
    ("Error: Missing credentials for \"PLAIN\" { code: 'EAUTH', command: 'API' }", "authentication_required"),
    # Python
    (
        "smtplib.SMTPAuthenticationError: (535, b'5.7.8 Username and Password not accepted. For more information, go to\\n5.7.8  https://support.google.com/mail/?p=BadCredentials - gsmtp')",
        "auth_failed",
    ),
    ("smtplib.SMTPNotSupportedError: SMTP AUTH extension not supported by server.", "auth_not_offered"),
    ("smtplib.SMTPNotSupportedError: STARTTLS extension not supported by server.", "starttls_not_offered"),
    ("smtplib.SMTPServerDisconnected: Connection unexpectedly closed", "connection_reset"),
    ("ssl.SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "wrong_tls_mode"),
    (
        "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:1006)",
        "certificate_incomplete",
    ),
    (
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1006)",
        "certificate_expired",
    ),
    (
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not valid for 'mail.example.org'. (_ssl.c:1006)",
        "certificate_name",
    ),
    ("TimeoutError: [Errno 110] Connection timed out", "connection_timed_out"),
    ("socket.gaierror: [Errno -2] Name or service not known", "name_not_found"),
    ("ConnectionRefusedError: [Errno 111] Connection refused", "connection_refused"),
    # Java
    (
        "javax.mail.MessagingException: Could not connect to SMTP host: smtp.example.org, port: 465, response: -1",
        "smtp_connect_failed",
    ),
    ("javax.net.ssl.SSLException: Unsupported or unrecognized SSL message", "wrong_tls_mode"),
    (
        "javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target",
        "certificate_incomplete",
    ),
    (
        "javax.net.ssl.SSLHandshakeException: No appropriate protocol (protocol is disabled or cipher suites are inappropriate)",
        "tls_version",
    ),
    (
        "java.security.cert.CertificateException: No subject alternative DNS name matching mail.example.org found.",
        "certificate_name",
    ),
    (
        "javax.mail.AuthenticationFailedException: 534-5.7.9 Application-specific password required.",
        "app_password_required",
    ),
    ("java.net.UnknownHostException: smtp.exmaple.org", "name_not_found"),
    # PHPMailer, WordPress, WP Mail SMTP
    (
        "SMTP connect() failed. https://github.com/PHPMailer/PHPMailer/wiki/Troubleshooting",
        "smtp_connect_failed",
    ),
    ("SMTP ERROR: Failed to connect to server: Connection timed out (110)", "connection_timed_out"),
    ("SMTP Error: Could not authenticate.", "auth_failed"),
    (
        "SMTP ERROR: Failed to connect to server: php_network_getaddresses: getaddrinfo failed: Name or service not known (0)",
        "name_not_found",
    ),
    ("SMTP ERROR: Failed to connect to server: Permission denied (13)", "local_firewall"),
    (
        "stream_socket_enable_crypto(): Peer certificate CN=`*.example.net' did not match expected CN=`mail.example.org'",
        "certificate_name",
    ),
    (
        "stream_socket_enable_crypto(): SSL operation failed with code 1. OpenSSL Error messages: error:0A000086:SSL routines::certificate verify failed",
        "certificate_not_verified",
    ),
    ("Could not instantiate mail function.", "php_mail"),
    (
        "The email could not be sent. Possible reason: your host may have disabled the mail() function.",
        "php_mail",
    ),
    # Go, GnuTLS, OpenSSL, Schannel, .NET, curl
    ("tls: first record does not look like a TLS handshake", "wrong_tls_mode"),
    ("x509: certificate signed by unknown authority", "certificate_incomplete"),
    ("x509: certificate is valid for *.example.net, not mail.example.org", "certificate_name"),
    (
        "x509: certificate has expired or is not yet valid: current time 2026-01-02T03:04:05Z is after 2025-12-31T00:00:00Z",
        "certificate_expired",
    ),
    ("dial tcp 192.0.2.7:25: i/o timeout", "connection_timed_out"),
    ("dial tcp: lookup smtp.exmaple.org: no such host", "name_not_found"),
    ("GnuTLS error: An unexpected TLS packet was received.", "wrong_tls_mode"),
    ("error:0A00010B:SSL routines::wrong version number", "wrong_tls_mode"),
    ("error:0A000102:SSL routines::unsupported protocol", "tls_version"),
    ("error:14082174:SSL routines:ssl3_check_cert_and_algorithm:dh key too small", "tls_weak_key"),
    (
        "error:0A000410:SSL routines::sslv3 alert handshake failure:SSL alert number 40",
        "tls_no_common_cipher",
    ),
    (
        "schannel: next InitializeSecurityContext failed: SEC_E_INVALID_TOKEN (0x80090308) - The token supplied to the function is invalid",
        "wrong_tls_mode",
    ),
    (
        "schannel: SEC_E_UNTRUSTED_ROOT (0x80090325) - The certificate chain was issued by an authority that is not trusted.",
        "certificate_incomplete",
    ),
    (
        "A fatal alert was received from the remote endpoint. The TLS protocol defined fatal alert code is 70.",
        "tls_version",
    ),
    ("The handshake failed due to an unexpected packet format.", "wrong_tls_mode"),
    ("The remote certificate is invalid according to the validation procedure.", "certificate_not_verified"),
    (
        "A connection attempt failed because the connected party did not properly respond after a period of time, or established connection failed because connected host has failed to respond 192.0.2.7:25",
        "connection_timed_out",
    ),
    (
        "No connection could be made because the target machine actively refused it. [::1]:25",
        "connection_refused",
    ),
    ("An existing connection was forcibly closed by the remote host.", "connection_reset"),
    (
        "An attempt was made to access a socket in a way forbidden by its access permissions.",
        "local_firewall",
    ),
    # Outlook, Thunderbird, Apple Mail
    (
        "Task 'jane@example.org - Receiving' reported error (0x80042108): 'Outlook cannot connect to your incoming (POP3) email server.'",
        "smtp_connect_failed",
    ),
    (
        "Task 'jane@example.org' reported error (0x800CCC0E): 'Outlook cannot synchronize subscribed folders'",
        "smtp_connect_failed",
    ),
    (
        "(0x8004210A) : 'The operation timed out waiting for a response from the receiving (POP) server.'",
        "connection_timed_out",
    ),
    (
        "(0x800CCC92): 'Your e-mail server rejected your login. Verify your user name and password for this account in Account Settings.'",
        "auth_failed",
    ),
    (
        "(0x800CCC79) : 'The server rejected one or more recipients. The server response was: 550 relay not permitted'",
        "relay_denied",
    ),
    (
        "(0x800CCC1A): 'Your server does not support the connection encryption type you have specified.'",
        "starttls_not_offered",
    ),
    (
        "(0x800CCC80): 'None of the authentication methods supported by this client are supported by your server.'",
        "mechanism_unsupported",
    ),
    (
        "The server you are connected to is using a security certificate that cannot be verified. The target principal name is incorrect.",
        "certificate_name",
    ),
    (
        "Sending of the message failed. The message could not be sent because connecting to Outgoing server (SMTP) mail.example.org timed out.",
        "connection_timed_out",
    ),
    ("Login to server imap.example.org with username jane failed.", "auth_failed"),
    (
        "The Outgoing server (SMTP) smtp.example.org does not support the selected authentication method.",
        "mechanism_unsupported",
    ),
    (
        "The Outgoing server (SMTP) smtp.example.org does not seem to support encrypted passwords.",
        "mechanism_unsupported",
    ),
    ("Thunderbird failed to find the settings for your email account.", "autoconfig_unusable"),
    ("SEC_ERROR_UNKNOWN_ISSUER", "certificate_incomplete"),
    ("SSL_ERROR_BAD_CERT_DOMAIN", "certificate_name"),
    ("Cannot Get Mail. The connection to the server failed.", "wrong_port"),
    ("The user name or password for “imap.example.org” is incorrect.", "auth_failed"),
    ("The server “imap.example.org” cannot be contacted on port 993.", "connection_timed_out"),
    ("Mail can’t verify the identity of the server “mail.example.org”.", "certificate_not_verified"),
    # The same errors as others wrap them
    (
        "a1 NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=1)",
        "too_many_connections",
    ),
    ("550 5.7.1 <someone@example.net>... Relaying denied. IP name lookup failed [192.0.2.7]", "relay_denied"),
    ("(553, b'Relaying disallowed as \"info@example.org\"')", "sender_not_allowed"),
    ("(553, 'Relaying disallowed')", "relay_denied"),
    ("{ Error: Mail command failed: 530 5.5.1 Authentication Required.", "authentication_required"),
    (
        "Connection unsuccessful: SendMail: Failed to close connection to SMTP server, 553 Relaying disallowed as @ - undefined",
        "sender_not_allowed",
    ),
    ("Error: Invalid login: 535 Error: authentication failed", "auth_failed"),
    (
        "conversation with mx.example.org[192.0.2.7] timed out while receiving the initial server greeting",
        "connection_timed_out",
    ),
    (
        "The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.0 Must issue a STARTTLS command first",
        "encryption_required",
    ),
    (
        "Your server has unexpectedly terminated the connection. Possible causes for this include server problems, network problems, or a long period of inactivity.",
        "connection_reset",
    ),
    (
        "MailKit.Security.AuthenticationException: AuthenticationInvalidCredentials: 5.7.3 Authentication unsuccessful [BN3PR03CA0067.namprd03.prod.outlook.com]",
        "auth_failed",
    ),
    (
        "EIdSMTPReplyError with message 'Too many login attempts, please try again later. b9-20020adfe309 - gsmtp'",
        "too_many_attempts",
    ),
    (
        "mailer:send error: SMTP response was not successful: 535 5.7.0 (#AUTH005) Too many bad auth attempts., client: 127.0.0.1",
        "too_many_attempts",
    ),
    (
        "535 5.7.139 Autenticação malsucedida, a solicitação não atendeu aos critérios para ser autenticada com sucesso.",
        "auth_disabled",
    ),
    (
        "javax.mail.AuthenticationFailedException: 535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [BM1P287CA0015.INDP287.PROD.OUTLOOK.COM]",
        "auth_disabled",
    ),
    (
        'SMTP protocol error in "AUTH LOGIN" H=(User) [192.0.2.7] AUTH command used when not advertised',
        "auth_not_offered",
    ),
    # What mail programs, libraries and web sites show: Outlook, Thunderbird, Apple Mail, PHPMailer, smtplib,
    # nodemailer, mutt, WordPress
    ("STARTTLS is required but the server does not offer it", "starttls_not_offered"),
    ("SMTP Error: Could not connect to SMTP host.", "smtp_connect_failed"),
    ("smtplib.SMTPAuthenticationError: (535, b'5.7.8 Username and Password not accepted')", "auth_failed"),
    ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1129)", "wrong_tls_mode"),
    ("Error: Invalid login: 535-5.7.8 Username and Password not accepted", "auth_failed"),
    ('Error: Missing credentials for "PLAIN"', "authentication_required"),
    ("Error: connect ECONNREFUSED 127.0.0.1:465", "connection_refused"),
    ("Error: connect ETIMEDOUT 203.0.113.5:587", "connection_timed_out"),
    ("Error: self signed certificate in certificate chain", "certificate_self_signed"),
    (
        "Error: Hostname/IP does not match certificate's altnames: Host: mail.example.org. is not in the cert's altnames",
        "certificate_name",
    ),
    ("Error: getaddrinfo ENOTFOUND smtp.example.org", "name_not_found"),
    ("Outlook cannot connect to your outgoing (SMTP) e-mail server. (0x80042109)", "smtp_connect_failed"),
    ("0x800CCC0E Outlook cannot synchronize subscribed folders", "smtp_connect_failed"),
    (
        "Task 'x - Sending' reported error (0x800CCC80): 'None of the authentication methods supported by this client are supported by your server.'",
        "mechanism_unsupported",
    ),
    ("0x800CCC0F: The connection to the server was interrupted", "connection_reset"),
    (
        "0x8004210A The operation timed out waiting for a response from the receiving (POP) server.",
        "connection_timed_out",
    ),
    ("0x800CCC92: Your e-mail server rejected your login. Verify your user name and password", "auth_failed"),
    ("0x800CCC78 The server response was: 530 Authentication required", "authentication_required"),
    (
        "0x800CCC1A Your server does not support the connection encryption type you have specified",
        "starttls_not_offered",
    ),
    (
        "Sending of the message failed. An error occurred while sending mail: Unable to establish a secure link with Outgoing server (SMTP) smtp.example.org using STARTTLS since it doesn't advertise that feature.",
        "starttls_not_offered",
    ),
    ("Unable to log in at server. Probably wrong configuration, username or password.", "auth_failed"),
    ("Login to server imap.example.org with username x failed.", "auth_failed"),
    (
        "The Outgoing server (SMTP) smtp.example.org does not support the selected authentication method. Please change the 'Authentication method' in the 'Account Settings | Outgoing Server (SMTP)'",
        "mechanism_unsupported",
    ),
    ("Cannot Get Mail: The connection to the server failed.", "wrong_port"),
    ("Unable to verify account name or password.", "auth_failed"),
    ('Cannot Send Mail: The user name or password for "smtp.example.org" is incorrect.', "auth_failed"),
    ("Cannot Verify Server Identity", "certificate_not_verified"),
    (
        'The mail server "imap.example.org" is not responding. Verify that you have entered the correct account info in Mail preferences.',
        "connection_timed_out",
    ),
    ("SMTP session failed: 535 5.7.8 Error: authentication failed", "auth_failed"),
    ("No authenticators available", "mechanism_unsupported"),
    ("SASL authentication failed.", "auth_failed"),
    ("gnutls_handshake: An unexpected TLS packet was received.", "wrong_tls_mode"),
    (
        "wp_mail: The email could not be sent. Possible reason: your host may have disabled the mail() function.",
        "php_mail",
    ),
    (
        "stream_socket_enable_crypto(): SSL operation failed with code 1. OpenSSL Error messages: error:1416F086:SSL routines:tls_process_server_certificate:certificate verify failed",
        "certificate_not_verified",
    ),
    (
        "fsockopen(): unable to connect to ssl://smtp.example.org:465 (Connection timed out)",
        "connection_timed_out",
    ),
    (
        "Certificate host check failed: certificate owner does not match hostname imap.example.org",
        "certificate_name",
    ),
    ("socket.timeout: timed out", "connection_timed_out"),
    ("SSL_ERROR_SYSCALL, errno 104", "tls_cut_off"),
    ("Encrypted connection unavailable", "starttls_not_offered"),
    ("Delivery Status Notification. Subject: Message blocked", "content_refused"),
)
