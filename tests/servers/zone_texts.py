"""The records of the zones of the tests: each block is one situation that discovery must meet."""

SIX_SERVICES = """\
_submissions._tcp.{name} SRV 0 1 465 mail.{name}
_submission._tcp.{name}  SRV 5 1 587 mail.{name}
_imaps._tcp.{name}       SRV 0 1 993 mail.{name}
_imap._tcp.{name}        SRV 5 1 143 mail.{name}
_pop3s._tcp.{name}       SRV 9 1 995 mail.{name}
_pop3._tcp.{name}        SRV 9 1 110 mail.{name}
"""

PLAIN = """\
; the provider of most domains below: a CA-signed certificate on port 25
mx                      A     {ca}
; everything right: MX, the six services of RFC 6186, an enforced policy (below)
complete                MX    10 mail.complete
mail.complete           A     {complete}
{six}
; no MX: the domain itself takes its mail (RFC 5321 section 5.1)
implicit                A     {ca}
; takes no mail (RFC 7505); says so and names an MX all the same; has mail of its own besides
null-mx                 MX    0 .
null-mx-beside          MX    0 .
null-mx-beside          MX    10 mx
null-mx-with-a          MX    0 .
null-mx-with-a          A     {ca}
; an MX must not be an alias (RFC 2181 section 10.3); a whole domain may
mx-alias                MX    10 alias-host
alias-host              CNAME mx
alias-domain            CNAME complete
; aliases in a ring
loop                    CNAME loop-b
loop-b                  CNAME loop
mx-loop                 MX    10 loop
; an MX that nobody should connect to
mx-localhost            MX    10 localhost.
mx-literal              MX    10 192.0.2.1.
mx-private              MX    10 private
private                 A     10.0.0.1
mx-metadata             MX    10 metadata
metadata                A     169.254.169.254
mx-mixed                MX    10 private
mx-mixed                MX    20 mx
; an MX without an address, and one that does not exist
mx-no-address           MX    10 no-address
no-address              TXT   "a name and no more"
mx-missing              MX    10 missing
; equal preferences, ten and three hundred of them
equal                   MX    10 mx0
equal                   MX    10 mx1
equal                   MX    10 mx2
{ten}
{three_hundred}
; services of RFC 6186: decidedly none, elsewhere, at an alias, of two preferences
srv-none                MX    10 mx
_submissions._tcp.srv-none SRV 0 0 0 .
_submission._tcp.srv-none  SRV 0 0 0 .
_imaps._tcp.srv-none    SRV   0 0 0 .
_imap._tcp.srv-none     SRV   0 0 0 .
_pop3s._tcp.srv-none    SRV   0 0 0 .
_pop3._tcp.srv-none     SRV   0 0 0 .
srv-odd                 MX    10 mx
_submission._tcp.srv-odd SRV  0 1 {odd_port} mx
_imaps._tcp.srv-odd     SRV   0 1 2993 mx
srv-alias               MX    10 mx
_imaps._tcp.srv-alias   SRV   0 1 993 srv-alias-host
srv-alias-host          CNAME mail.complete
srv-order               MX    10 mx
_imaps._tcp.srv-order   SRV   20 1 993 mx1
_imaps._tcp.srv-order   SRV   10 0 993 mx2
_imaps._tcp.srv-order   SRV   10 9 993 mx3
; nothing published, hosts with usual names
guess                   MX    10 mx
mail.guess              A     {complete}
smtp.guess              A     {complete}
imap.guess              A     {complete}
pop3.guess              A     {complete}
; every name exists
wild                    MX    10 mx
*.wild                  A     {complete}
; an address where nothing answers; a host there
parked                  A     {nobody}
silent                  MX    10 silent-host
silent-host             A     {nobody}
; delegated to a name server that refuses to tell, and to one that is not there: time runs out
lame                    NS    ns.lame
ns.lame                 A     {resolver}
dead                    NS    ns.dead
ns.dead                 A     {nobody}
; families
mx-ipv6                 MX    10 only-ipv6
only-ipv6               AAAA  ::1
mx-dual                 MX    10 dual
dual                    A     {ca}
dual                    AAAA  ::1
; bücher.plain.test, and an MX host of such a name
xn--bcher-kva           MX    10 mx.xn--bcher-kva
mx.xn--bcher-kva        A     {ca}
; 250 strings of 255 bytes: hardly fits a message
_mta-sts.huge-txt       TXT   {huge_txt}
huge-txt                MX    10 mx
; odd records of MTA-STS (RFC 8461 section 3.1): two of them, and text that is none
sts-twice               MX    10 mx
_mta-sts.sts-twice      TXT   "v=STSv1; id=one;"
_mta-sts.sts-twice      TXT   "v=STSv1; id=two;"
sts-other               MX    10 mx
_mta-sts.sts-other      TXT   "v=spf1 -all"
; TLSA records that DNSSEC does not protect
dane-unsigned           MX    10 unsigned
unsigned                A     {ee}
_25._tcp.unsigned       TLSA  {ee_311}
; no STARTTLS
bare                    A     {bare}
mx-bare                 MX    10 bare
; web pages: autoconfiguration, the database of providers, Exchange
{web}
; domains with a policy of MTA-STS
{policies}
; many domains, one provider
{crowd}
"""

SECURE = """\
mx                      A     {ca}
mail.complete           A     {complete}
_25._tcp.mail.complete  TLSA  {complete_311}
complete                MX    10 mail.complete
{six}
; signed, and nothing said about DANE
dane-none               MX    10 mx
; the right key; the right certificate by SHA-512; by two records of which one is for the next key
dane-ee                 MX    10 ee
ee                      A     {ee}
_25._tcp.ee             TLSA  {ee_311}
dane-ee-full            MX    10 ee-full
ee-full                 A     {ee}
_25._tcp.ee-full        TLSA  {ee_302}
dane-rollover           MX    10 rollover
rollover                A     {ee}
_25._tcp.rollover       TLSA  {other_311}
_25._tcp.rollover       TLSA  {ee_311}
; the right key in a certificate that is expired and names another host: fine by RFC 7672 section 3.1.1
dane-odd                MX    10 odd
odd                     A     {odd}
_25._tcp.odd            TLSA  {odd_311}
; the key of an authority that nobody else knows; its certificate; the same for a host it does not name
dane-ta                 MX    10 ta
ta                      A     {ta}
_25._tcp.ta             TLSA  {ta_211}
dane-ta-full            MX    10 ta-full
ta-full                 A     {ta}
_25._tcp.ta-full        TLSA  {ta_201}
dane-ta-name            MX    10 ta-name
ta-name                 A     {ta}
_25._tcp.ta-name        TLSA  {ta_211}
; another key than the server's; a server without STARTTLS; records that SMTP does not use
dane-wrong              MX    10 wrong
wrong                   A     {ee}
_25._tcp.wrong          TLSA  {other_311}
dane-bare               MX    10 bare
bare                    A     {bare}
_25._tcp.bare           TLSA  {bare_311}
dane-pkix               MX    10 pkix
pkix                    A     {ca}
_25._tcp.pkix           TLSA  {ca_111}
; one host right, one wrong
dane-mixed              MX    10 ee
dane-mixed              MX    20 wrong
; the TLSA record alone is bogus: `_tcp` below is a zone with a wrong DS
dane-broken             MX    10 broken-tlsa
broken-tlsa             A     {ca}
; a secure MX record that leads to a host in a zone without DNSSEC
dane-host-insecure      MX    10 unsigned.plain.test.
; an MX record at an alias that leaves the signed zone
dane-alias              CNAME dane-unsigned.plain.test.
; a policy of MTA-STS and DANE, which goes first (RFC 8461 section 2)
{policies}
"""

BROKEN_TLSA = """\
_25                     TLSA  {ca_311}
"""

BOGUS = """\
@                       MX    10 mx
mx                      A     {ca}
_25._tcp.mx             TLSA  {ca_311}
"""
