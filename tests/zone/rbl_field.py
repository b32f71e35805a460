# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as operators of blocklists have them, and what to ask of them.

A case is a title, the operands ({f} stands for a file's path), the files, and names below every zone
of the operands to be asked, besides all that looks like a key in the files. A name that begins with
a dot is a whole one. Words before the operands that begin with a hyphen are rbldnsd's options."""

import gzip

HEAD = """$SOA 3600 ns1.lists.test hostmaster.lists.test 0 600 300 2592000 3600
$NS 3600 ns1.lists.test ns2.lists.test
$TTL 2100
"""
REPEAT = "0123456789" * 60

# A file with more bad lines than good ones is refused here, and served by rbldnsd.
GOOD4 = "".join(f"198.51.100.{i}\n" for i in range(40))
GOOD6 = "".join(f"2001:db8:f00d::{i:x}\n" for i in range(1, 40))

CASES = []


def case(title, operands, names="", **files):
    CASES.append((title, operands.split(), files, names.split()))


Z = "bl.test"

# --- lists of networks ---

case("drop list", f"{Z}:ip4trie:{{f}}", "1.0.10.1 9.9.9.1 0.0.10.1", f=HEAD + """; Spamhaus-like DROP List 2026/11/21
; Last-Modified: Fri, 20 Nov 2026 17:13:01 GMT
:127.0.0.9:https://drop.test/sbl/query/
1.10.16.0/20 ; SBL256894
1.19.0.0/16 ; SBL434604
2.56.192.0/22 ; SBL459831
5.134.128.0/19 ; SBL270738
""")
case("drop list with texts", f"{Z}:ip4set:{{f}}", f=HEAD + """:9:See https://drop.test/$
1.10.16.0/20 SBL256894
1.19.0.0/16  :127.0.0.9:SBL434604 $
2.56.192/22 :10
5.134.128.0/19 :10:
""")
case("dul ranges", f"{Z}:ip4set:{{f}}", "5.2.1.24 6.2.1.24 255.7.1.24", f=HEAD + """:127.0.0.10:Dynamic IP: see http://dul.test/?$
24.1.2.3-7
24.1.2.9-24.1.2.11
24.1.3-7
24.1.8.0-24.1.9.255
!24.1.8.25
! 24.1.9.25-30
24.2-3
24.4.0.0/14
!24.5.6
24.8.0.1-24.8.1.0
24.9.255.255-24.10.0.0
""")
case("sorbs-like", f"{Z}:combined:{{f}}", "2.0.0.127 3.0.0.127.http 2.0.2.10.smtp 7.7.7.7 2.0.2.10", f="""$SOA 3600 rbldns0.test dns.test 0 7200 7200 604800 3600
$NS 86400 rbldns0.test rbldns1.test rbldns2.test
$1 See: http://www.sorbs.test/lookup.shtml?
$DATASET ip4set:http http @
:127.0.0.2:HTTP Proxy $1$
10.0.0.2
10.0.2.0/24
$DATASET ip4set:socks socks @
:127.0.0.3:SOCKS Proxy $1$
10.0.0.2
10.0.2.10-20
$DATASET ip4set:misc misc @
:127.0.0.4:Misc Proxy $1$
10.0.0.2
$DATASET ip4tset:smtp smtp @
:127.0.0.5:Open relay $1$
10.0.2.10
$DATASET dnset:rhsbl rhsbl nomail.rhsbl
:127.0.0.11:badconf
.example.com
!mail.example.com
""")
case("uceprotect-like", f"{Z}:ip4set:{{f}}", "4.3.2.1", f="""# This is UCEPROTECT-like Level 1
# ---
$SOA 0 ns.uce.test admin.uce.test 1700000000 3600 600 86400 600
$NS 1d ns1.uce.test ns2.uce.test ns3.uce.test -ns4.uce.test
$TTL 15m
:127.0.0.2:IP $ is UCEPROTECT-Level 1 listed. See http://www.uce.test/rblcheck.php?ipr=$
!127.0.0.1
!10/8
!192.168/16
127.0.0.2 Test Record
1.2.3.4
1.2.3.5
1.2.3.9
!1.2.3.5
""")
case("njabl-like codes", f"{Z}:ip4set:{{f}}", "1.0.0.127", f=HEAD + """:2:open relay
10.1.1.1
10.1.1.2 :3:dynamic
10.1.1.2 :4:spam source
10.1.1.2 :9:open proxy $
:9:open proxy
10.1.1.3
10.1.1.1
:8
10.1.1.4
10.1.1.5 formmail
""")
case("dnswl-like", f"{Z}:ip4trie:{{f}}", f=HEAD + """$1 https://dnswl.test/s/?s=
1.0.1.1 :127.0.5.1: host-a.test $1100
1.0.1.0/28 :127.0.5.0: host.test $1101
1.0.2.0/24 :127.0.15.2:domain.test https://dnswl.test/s/?s=102
!1.0.2.77
1.0.2.78 :127.0.15.3:
1.0.3.0/25 :127.0.10.3
1.0.3.128/25 :127.0.10.2:x
""")
case("countries", f"{Z}:ip4trie:{{f}}", "8.8.8.8", f=HEAD + """:127.0.3.72:us
3.0.0.0/8
4.0.0.0/9
4.17.135.32/27 :127.0.0.124:ca
4.17.135.64/27 :127.0.1.252:mx
4.17.143.0/28 :127.0.0.124:ca
""")
case("bogons", f"{Z}:ip4set:{{f}}", "1.1.1.10 1.0.168.192 255.255.255.255 1.0.0.127", f="""$TTL 1d
:2:bogon $
0/8
10/8
100.64/10
169.254/16
172.16/12
172.16-31
192.0.0.0/24
192.0.2.0/24
192.168/16
198.18/15
224/4
240-255
""")
case("asn origin", f"{Z}:ip4trie:{{f}}", f=HEAD + """1.0.0.0/24 13335 | 1.0.0.0/24 | AU | apnic | 2011-08-11
1.0.4.0/22 :2:38803 | 1.0.4.0/22 | AU | apnic | 2011-04-11
1.0.4.0/24 38803 | 1.0.4.0/24 | AU
""")
case("one address a line", f"{Z}:ip4tset:{{f}}", "4.3.2.1 5.3.2.1", f=":127.0.0.2:Listed at http://dsbl.test/$\n1.2.3.4\n1.2.3.5\n1.2.3.5\n10.1.2.3\n1.2.3/24\n1.2.4\n!1.2.3.4\n1.2.3.6 :3:own\n1.2.3.7 # c\n")
case("default at the end of a trivial set", f"{Z}:ip4tset:{{f}}", f="1.2.3.4\n1.2.3.5\n:5:late default\n:6:later one\n")
case("trivial set, default in the second file", f"{Z}:ip4tset:{{f}},{{g}}", f="1.2.3.4\n", g=":7:second\n1.2.3.5\n")
case("trivial set without default", f"{Z}:ip4tset:{{f}}", f="1.2.3.4\n1.2.3.5 \n")
case("trivial six, default at the end", f"{Z}:ip6tset:{{f}}", f="2001:db8:1:2\n2001:db8:1:3 # c\n!2001:db8:1:2::5\n!2001:db8:1:3:0:0:0:1 ; c\n:4:late $\n")

# --- names ---

case("surbl multi", f"{Z}:dnset:{{f}}", "sub.bad.test www.mixed.test test.surbl nothing.test", f=HEAD + """$1 Blocked, See: http://www.surbl.test/lookup/
:127.0.0.2:$1$
test.surbl :127.0.0.254:permanent test point
.bad.test :127.0.0.64: $1$ on list [abuse]
.mixed.test :127.0.0.72:
.mixed.test :127.0.0.8:[ph]
good.bad.test
!white.bad.test
!.allwhite.bad.test
2.0.0.127 :127.0.0.126:test
""")
case("rfc-ignorant", f"{Z}:combined:{{f}}", "x.example.com.dsn x.example.com postmaster abuse.postmaster", f="""$SOA 1d ns.rfci.test admin.rfci.test 0 2h 2h 1w 1h
$NS 1d ns0.rfci.test
$DATASET dnset:dsn dsn
:127.0.0.2:Not supporting null originator (DSN)
.example.com
example.org
$DATASET dnset:postmaster postmaster
:127.0.0.3:Not supporting postmaster@domain
.example.com
*.de
$DATASET dnset:abuse abuse
:127.0.0.4:Not supporting abuse@domain
!example.com
.com
$DATASET ip4set:ipwhois ipwhois
:127.0.0.6:Bogus IP whois
10/8
""")
case("uri list", f"{Z}:dnset:{{f}}", "a.b.example.com xn--e1afmkfd.test 4.3.2.1 WWW.Example.COM", f=HEAD + """:2:http://uribl.test/?domain=$
.example.com
xn--e1afmkfd.test
EXAMPLE.NET mixed $ case
example.co.uk.
1.2.3.4
under_score.test
-dash.test
a.very.long.name.with.many.labels.in.it.which.is.still.a.name.test
*.wild.only.test
""")
case("names with wildcards over others", f"{Z}:dnset:{{f}}", "a.x.test b.a.x.test c.b.a.x.test x.test q.x.test b.q.x.test", f="""*.x.test :2:outer
.a.x.test :3:middle $
!*.b.a.x.test
*.q.x.test :4:q
!q.x.test
c.b.a.x.test :5:inner
""")
case("all names of a domain excluded", f"{Z}:dnset:{{f}}", "com org a.org a.com b.a.com", f=".com\n!*.a.com\n!b.org\n.org x\n*.a.com :9:not\n")
case("name lists from two files", f"{Z}:dnset:{{f}},{{g}}", "a.test sub.a.test", f=":2:first $\n.a.test\nb.test\n", g=":3:second $\n.a.test\n!b.test\nc.test\n")
case("name lists from two datasets", f"{Z}:dnset:{{f}} {Z}:dnset:{{g}}", "a.test sub.a.test", f=":2:first $\n.a.test\nb.test\n", g=":3:second $\n.a.test\n!b.test\nc.test\n")
case("numbers for names", f"{Z}:dnset:{{f}}", "4.3.2.1 3.2.1 1.2.3.4 9.3.2.1", f="4.3.2.1 :2:reversed $\n*.2.1.10 :3:net $\n5.2.1.10\n")

# --- values ---

case("all values of the manual page", f"{Z}:ip4set:{{f}}", f=""":127.0.0.2:IP address $ is listed
10.0.0.4
10.0.0.5 :5
10.0.0.6 :6:
10.0.0.7 IP address $ running an open relay
10.0.0.8 : 8 : blanks
10.0.0.9 :127.0.0.9
10.0.0.10 :127.0.0.10:
10.0.0.11 :127.0.0.11::colon
10.0.0.12 :127.2:short
10.0.0.13 :127.1.2:three
10.0.0.14 ::text
""")
case("variables of the manual page", f"{Z}:ip4set:{{f}}", f="""$1 See http://www.example.com/bl
$2 for details
10.0.0.2  $1/spammer/$ $2
10.0.0.3  $1/relay/$ $2
10.0.0.4  This spammer wants some $$$$.  $1/$
10.0.0.5  $3 is not set, $1$2$3
10.0.0.6  $a $. $- $
10.0.0.7  costs 5$
10.0.0.8  $10 and $01
""")
case("base template of the manual page", f"{Z}:ip4set:{{f}}", f="""$= See http://www.example.com/bl?$= ($) for details
10.0.0.2    r123
10.0.0.3
10.0.0.4    =See other blocklists for details about $
10.0.0.5 :5:r5
10.0.0.6 :6:
10.0.0.7 :7
10.0.0.8 :8:=own
10.0.0.9 :9: = own
10.0.0.10 has $ in it
10.0.0.11 has $$ and $1
:4:dflt $
10.0.0.12
10.0.0.13 :5
10.0.0.14 :5:
:4:=dflt $
10.0.0.15
""")
case("base template with variables", f"{Z}:dnset:{{f}}", "a.b.test", f="""$1 https://l.test
$= $1/?d=$&r=$= $$ $=$= $9
.b.test code
c.test
d.test $1
e.test =
f.test ==x
""")
case("variables set twice and late", f"{Z}:ip4set:{{f}},{{g}}", f="$1 first\n10.0.0.1 $1 $2\n$1 second\n", g="$2 of the second file\n$1 third\n10.0.0.2 $1 $2\n")
case("variables in variables", f"{Z}:ip4trie:{{f}}", f="$1 one $2 $ $$\n$2 two $1\n10.0.0.1 $1|$2|$\n$0 zero\n10.0.0.2 $0\n$= [$=]\n10.0.0.3 =$=\n10.0.0.4 $1\n")
case("variables local and common", f"{Z}:combined:{{f}}", "1.0.0.10.a 1.0.0.10.b", f="$1 common\n$DATASET ip4set a\n$1 local a\n$2 two a\n10.0.0.1 $1 $2 $\n$DATASET ip4set b\n$2 two b\n10.0.0.1 $1 $2 $\n")
case("bad variables", f"{Z}:ip4set:{{f}}", f="$1\n$1 \n$a x\n$11 x\n$1x y\n$\n$ 1 x\n$-\n10.0.0.1 $1 $a $11\n")
case("texts with everything in them", f"{Z}:ip4set:{{f}}", f="""10.0.0.1 "quoted"
10.0.0.2 back\\slash \\" \\065 \\
10.0.0.3 semi;colon # sharp
10.0.0.4 tab\there\tand\tthere
10.0.0.5 caf\u00c3\u00a9 \u00e2\u0082\u00ac
10.0.0.6 latin \u00e9\u00ff\u0080
10.0.0.7 trailing blanks   \t
10.0.0.8    leading blanks
10.0.0.9 :2:   leading blanks
10.0.0.10 http://x.test/a?b=c&d=%20$;e#f
10.0.0.11 'single' `back` (round) [square] {curly}
10.0.0.12 :2:a:b::c:
10.0.0.13 !not an exclusion
10.0.0.14 \x01\x02\x1b\x7f
10.0.0.15 -
10.0.0.16 .
""")
case("long texts", f"{Z}:ip4set:{{f}}", f=f"10.0.0.1 {REPEAT[:253]}\n10.0.0.2 {REPEAT[:254]}\n10.0.0.3 {REPEAT[:255]}\n10.0.0.4 {REPEAT[:256]}\n10.0.0.5 {REPEAT[:600]}\n10.0.0.6 {REPEAT[:250]} $\n10.0.0.7 {REPEAT[:240]} $\n:2:{REPEAT[:300]}\n10.0.0.8\n")
case("long texts from variables", f"{Z}:ip4set:{{f}}", f=f"$1 {REPEAT[:200]}\n$2 {REPEAT[:300]}\n10.0.0.1 $1\n10.0.0.2 $1$1\n10.0.0.3 $2\n10.0.0.4 $1 $ $\n10.0.0.5 $1 $2 $1\n10.0.0.6 $$$1\n")
case("A values", f"{Z}:ip4set:{{f}}", f="10.0.0.1 :127.0.0.255:x\n10.0.0.2 :255:x\n10.0.0.3 :127.255.255.255:x\n10.0.0.4 :127.2:x\n10.0.0.5 :127.0.2:x\n10.0.0.6 :002:x\n10.0.0.7 :2 :x\n10.0.0.8 :300:x\n10.0.0.9 :2x:y\n10.0.0.10 :2,3:y\n10.0.0.11 :127.0.0.2.3:x\n")
case("values behind a colon only", f"{Z}:ip4set:{{f}}", f=":\n10.0.0.1\n::\n10.0.0.2\n:2\n10.0.0.3\n:3:\n10.0.0.4\n: 4 : x\n10.0.0.5\n:5 x\n10.0.0.6\n:x:y\n10.0.0.7\n:#\n10.0.0.8\n")
case("several values for one address", f"{Z}:ip4set:{{f}}", f="10.0.0.1 :2:a\n10.0.0.1 :3:b\n10.0.0.1 :2:a\n10.0.0.1 :2:c\n10.0.0.0/24 :9:net\n10.0.0.2 :3:\n10.0.0.2 :4:\n")
case("several values in a trie", f"{Z}:ip4trie:{{f}}", f="10.0.0.1 :2:a\n10.0.0.1 :3:b\n10.0.0.0/24 :9:net\n10.0.0.0/24 :8:net again\n!10.0.0.2\n10.0.0.2 :3:too late\n10.0.0.3 :3:x\n!10.0.0.3\n")
case("text alone behind a tab", f"{Z}:ip4set:{{f}}", f="10.0.0.1\ttext\n10.0.0.2\t:3:text\n10.0.0.3\t\t:3\n10.0.0.4 \t # c\n")

# --- ranges and prefixes ---

case("ranges of the manual page", f"{Z}:ip4set:{{f}}", "0.0.16.126 255.255.31.126 0.0.32.126", f=""":2:x
126.0.0.0/24
125.0.0
124/24
123-123.0.0
122.0.0.0-122.0.0.255
121.0.0.1-255
126.16.0.0-126.31.255.255
125.16.0-125.31.255
124.16-124.31
123.16-31
122.16.0.0/12
121.16.0/12
120.16/12
119.16.0-31
""")
case("odd ranges", f"{Z}:ip4set:{{f}}", "5.0.0.10 9.0.0.10", f=GOOD4 + """10.0.0.5-10.0.0.5
10.0.0.9-8
10.0.1-10.0.2.5
10.0.3.1 - 10.0.3.9
10.0.4.0/24-30
10.0.5.250-260
10.0.6.1-
-10.0.7.1
10.0.8.0-10.0.8
10.0.9.3-5/30
10.0.10.1-10.0.10.9 :3:text
10.0.11.1-9:4:close
10.0.12.1-9#c
10.0.13.1-9;c
10.0.14.1-9x
10.0.15.01-09
""")
case("odd prefixes", f"{Z}:ip4set:{{f}}", "0.0.0.10 1.2.3.4", f=GOOD4 + """10.0.0.0/0
10.1.0.0/33
10.2.0.0/-1
10.3.0.0/
10.4.0.0/24/24
10.5.0.0/255.255.255.0
10.6.0.0 /24
10.7.0.0/ 24
10.8/08
10.9.0.1/24
10.10.0.0/8
10.11.0.0/31
10.12.0.255/32
10.13.0.0/024
10
10.14.
10.15..1
.10.16
10.17.0.0.0
10.18.0.300
1.2.3.4.
""")
case("odd prefixes in a trie", f"{Z}:ip4trie:{{f}}", "0.0.0.10 1.2.3.4", f=GOOD4 + """10.0.0.0/9
10.1.0.0/33
10.3.0.0/
10.5.0.0-10.5.0.3
10.6.0.0/7
10.8/08
10.9.0.1/24
10.128.0.0/1
10.11
10.12.1
10.13.0.0/31 :2:a
10.13.0.0/32 :3:b
!10.13.0.1/32
10
""")
case("host bits allowed", f"-e {Z}:ip4set:{{f}} {Z}:ip6trie:{{g}}", f="10.9.0.1/24\n10.10.3.4/8\n10/4\n192.168.1.5/16 :3:x\n", g="2001:db8::1/32\n2001:db9:1:2:3::/64 :4:x\n")
case("no length with host bits allowed", f"-e {Z}:ip4set:{{f}}", "1.1.1.1", f="10/0\n!11/0\n10.1.2.3/0 :3:x\n10.0.0.1\n")
case("no length in a trie", f"-e {Z}:ip4trie:{{f}}", "1.1.1.1", f="10/0 :3:x\n10.0.0.1\n")
case("no length in a six", f"-e {Z}:ip6trie:{{f}}", f="2001:db8::/0 :3:x\n2001:db8::5\n")
case("the whole space in halves", f"{Z}:ip4trie:{{f}}", "1.1.1.1 1.1.1.200", f="0/1 :2:low\n128/1 :3:high\n!10/8\n")
case("exclusions in a set", f"{Z}:ip4set:{{f}}", "0.1.0.10 255.1.0.10 1.2.0.10", f="10.0/16 :2:net\n!10.0.1/24\n10.0.1.5 :3:back\n!10.0.1.5-6\n10.0.1.6 :4:and\n10.0.1.7 :4:yes\n!10.0.2.0/25\n10.0.2.1-3\n!10.0.2.128-10.0.2.255\n10.0.2.200\n")
case("exclusions in a trie", f"{Z}:ip4trie:{{f}}", "0.1.0.10 255.1.0.10 1.2.0.10", f="10.0/16 :2:net\n!10.0.1/24\n10.0.1.5 :3:back\n!10.0.2.0/25\n10.0.2.4/30 x\n!10.0.2.5 with a value\n! 10.0.2.6 :3:y\n!  10.0.3/24\n")
case("exclusions before what they exclude", f"{Z}:ip4set:{{f}},{{g}}", f="!10.0.0.5\n!10.0.1/24\n", g="10.0.0/24\n10.0/16\n10.0.1.4\n")
case("an exclusion counts in its dataset only", f"{Z}:ip4set:{{f}} {Z}:ip4set:{{g}}", f="!10.0.0.5\n", g="10.0.0/24\n10.0.0.5\n")
case("maxrange by number", f"{Z}:ip4set:{{f}}", f="$MAXRANGE4 256\n10.0.0/24\n10.1/16\n10.2.0.0-10.2.1.0\n10.3.0.0-10.3.0.255\n$maxrange4 1\n10.4.0.1\n10.5.0.0/31\n!10.6/16\n$MAXRANGE4 /8\n10.7/16\n")
case("maxrange by prefix", f"{Z}:ip4trie:{{f}}", f="$MAXRANGE4 /25\n10.0.0/24\n10.1.0.0/25\n!10.2/16\n10.2.0.0/26\n$MAXRANGE4 /0\n$MAXRANGE4 0\n$MAXRANGE4 x\n$MAXRANGE4\n10.4/24\n")
case("maxrange in a second file", f"{Z}:ip4set:{{f}},{{g}}", f="$MAXRANGE4 /24\n10.0/16\n", g="10.1/16\n10.2.0/24\n")
case("maxrange in the common section", f"{Z}:combined:{{f}}", f="$MAXRANGE4 /24\n$DATASET ip4set @\n10.0/16\n10.1.0/24\n$DATASET ip4trie @\n10.2/16\n10.3.0/24\n")

# --- IPv6 ---

case("six of the manual page", f"{Z}:ip6trie:{{f}}", f="""# Default A and TXT template valuse
:127.0.1.2: Listed, see http://example.com/lookup?$
# A listing, note that trailing :0s can be omitted
2001:21ab:c000/36
# /64 range with non-default A and TXT values
2001:21ab:def7:4242 :127.0.1.3: This one smells funny
# compressed notation
2605:6001:42::/52
::1		       # localhost
!2605:6001:42::bead   # exclusion
""")
case("halves of the manual page", f"{Z}:ip6tset:{{f}}", f=""":127.0.0.3:half $
2001:20fe:23:41ed
abac:adab:ad00:42f
!abac:adab:ad00:42f:face:0f:a:beef
!abac:adab:ad00:42f::2
""")
case("drop list v6", f"{Z}:ip6trie:{{f}}", f=HEAD + """; DROPv6
:9:SBL
2001:678:254::/48 ; SBL527396
2a02:6f8::/32 ; SBL
2a0d:d900::/29 :10:wide $
2401:f480:0000::/48 sbl
2A10:BBC0:0:0:0:0:0:1 UPPER
::ffff:0:0/96 mapped
""")
case("odd six", f"{Z}:ip6trie:{{f}}", f=GOOD6 + """2001:db8::/32 :2:a
2001:db8:1::1/48
2001:db8:1::/48 :3:b
!2001:db8:1:2::/64
2001:db8:1:2::5 :4:c
2001:DB8:00AA::/48
2001:db8:bb:/48
2001:db8:g::
:2001:db8::
2001:db8:cc::dd::/64
2001:db8:0:0:0:0:0:0:7
1:2:3:4:5:6:7:8
1:2:3:4:5:6:7::
::2:3:4:5:6:7:8
2001:db8:ee::/0
2001:db8:ee::/127
2001:db8:ff:ff:text
2001:db8:ff:f1 text
2001:db8:ff:f2::#c
fe80::1%eth0
::ffff:192.0.2.1
2002:c000:204::/48
2001:db8
2001:
""")
case("defaults among six", f"{Z}:ip6trie:{{f}}", f=":2:first $\n2001:db8::1\n:3\n2001:db8::2\n::5\n:4:\n2001:db8::3\n::\n::/128\n: 5 : five\n2001:db8::4\n")
case("four and six in one zone", f"{Z}:ip4set:{{f}} {Z}:ip6trie:{{g}} {Z}:dnset:{{h}}", "4.3.2.1 a.test", f="1.2.3/24 :2:four $\n", g="2001:db8::/32 :3:six $\n", h="a.test :4:name $\n4.3.2.1 :5:as a name $\n")
case("v4 by six", f"{Z}:ip4set:{{f}}", "4.0.3.0.2.0.1.0.f.f.f.f." + "0." * 19 + "0 " + "8.b.d.0.1.0.0.2", f="1.2.3.4 :2:mapped $\n")

# --- $ lines ---

case("soa forms", f"{Z}:ip4set:{{f}}", f="$SOA 1w ns.test. admin.test. 2026112101 1h 30m 2w 5m\n10.0.0.1\n")
case("soa without units and with a dot", f"{Z}:ip4set:{{f}}", f="$SOA 0 . . 0 1 2 3 4\n10.0.0.1\n")
case("soa in capitals and small", f"{Z}:ip4set:{{f}}", f="$soa 2w NS.Test Admin.Test 4294967295 1M 1H 1D 1W\n$Ns 60 A.Test b.test\n$ttl 1H\n10.0.0.1\n")
case("soa broken, then good", f"{Z}:ip4set:{{f}}", f="$SOA 0 ns.test\n$SOA 0 ns.test admin.test 1 2 3 4 5 6\n$SOA x ns.test admin.test 1 2 3 4 5\n$SOA 0 ns.test admin.test 4294967296 2 3 4 5\n$SOA 0 ns.test admin.test -1 2 3 4 5\n$SOA 0 good.test admin.test 5 2 3 4 5\n$SOA 0 late.test admin.test 6 2 3 4 5\n10.0.0.1\n")
case("soa with a comment", f"{Z}:ip4set:{{f}}", f="$SOA 0 ns.test admin.test 1 2 3 4 5 # comment\n$NS 0 ns.test # comment\n10.0.0.1\n")
case("soa behind the entries", f"{Z}:ip4set:{{f}}", f="10.0.0.1\n$SOA 0 ns.test admin.test 1 2 3 4 5\n$NS 1h ns.test\n")
case("soa in the second file", f"{Z}:ip4set:{{f}},{{g}}", f="10.0.0.1\n", g="$SOA 0 ns.test admin.test 1 2 3 4 5\n$NS 1h ns.test\n10.0.0.2\n")
case("soa in the second dataset", f"{Z}:ip4set:{{f}} {Z}:ip4set:{{g}}", f="$NS 1h a.test\n10.0.0.1\n", g="$SOA 0 ns.test admin.test 1 2 3 4 5\n$NS 1h b.test c.test\n10.0.0.2\n")
case("soa of two datasets", f"{Z}:ip4set:{{f}} {Z}:dnset:{{g}}", f="$SOA 0 one.test admin.test 1 2 3 4 5\n10.0.0.1\n", g="$SOA 0 two.test admin.test 9 2 3 4 5\nx.test\n")
case("soa ttl of the ttl before", f"{Z}:ip4set:{{f}}", f="$TTL 77\n$SOA 0 ns.test admin.test 1 2 3 4 5\n$NS 0 ns.test\n$TTL 99\n10.0.0.1\n")
case("ns alone", f"{Z}:ip4set:{{f}}", f="$NS 1h ns1.test ns2.test\n10.0.0.1\n")
case("ns line by line", f"{Z}:ip4set:{{f}}", f="$SOA 0 ns.test admin.test 1 2 3 4 5\n$NS 1h ns1.test\n$NS 2h ns2.test\n$NS 1h ns3.test\n10.0.0.1\n")
case("ns line by line, then several", f"{Z}:ip4set:{{f}}", f="$SOA 0 ns.test admin.test 1 2 3 4 5\n$NS 1h ns1.test\n$NS 2h ns2.test ns3.test\n$NS 1h ns4.test\n10.0.0.1\n")
case("ns with all out", f"{Z}:ip4set:{{f}}", f="$SOA 0 ns.test admin.test 1 2 3 4 5\n$NS 1h -ns1.test -ns2.test\n10.0.0.1\n")
case("ns with all out, then one", f"{Z}:ip4set:{{f}}", f="$SOA 0 ns.test admin.test 1 2 3 4 5\n$NS 1h -ns1.test\n$NS 1h ns2.test\n10.0.0.1\n")
case("ns with a lone hyphen", f"{Z}:ip4set:{{f}}", f="$SOA 0 ns.test admin.test 1 2 3 4 5\n$NS 1h - ns1.test\n10.0.0.1\n")
case("ns doubled", f"{Z}:ip4set:{{f}}", f="$NS 1h ns1.test NS1.test ns2.test ns1.test.\n$SOA 0 ns.test admin.test 1 2 3 4 5\n10.0.0.1\n")
case("ns below the zone", f"{Z}:ip4set:{{f}}", f=f"$SOA 0 ns.{Z} admin.{Z} 1 2 3 4 5\n$NS 1h ns.{Z} {Z} x.y.{Z}\n10.0.0.1\n")
case("ns without ttl", f"{Z}:ip4set:{{f}}", f="$SOA 0 ns.test admin.test 1 2 3 4 5\n$NS ns1.test ns2.test\n$NS 1h\n$NS\n10.0.0.1\n")
case("nameserver", f"{Z}:ip4set:{{f}}", f="$SOA 0 ns.test admin.test 1 2 3 4 5\n$NAMESERVER 1h ns1.test ns2.test\n10.0.0.1\n")
case("ttl forms", f"{Z}:ip4set:{{f}}", f="$TTL 1h\n10.0.0.1\n$TTL 30\n10.0.0.2\n")
case("ttl units", f"{Z}:combined:{{f}}", "1.0.0.10.a 1.0.0.10.b 1.0.0.10.c 1.0.0.10.d 1.0.0.10.e", f="$TTL 5m\n$DATASET ip4set a\n10.0.0.1\n$DATASET ip4set b\n$TTL 2w\n10.0.0.1\n$DATASET ip4set c\n$TTL 0\n10.0.0.1\n$DATASET ip4set d\n$TTL 1x\n10.0.0.1\n$DATASET ip4set e\n$TTL 1h 2\n10.0.0.1\n")
case("ttl behind the entries", f"{Z}:ip4trie:{{f}}", f="10.0.0.1\n$TTL 123\n")
case("ttl in the second file", f"{Z}:ip4trie:{{f}},{{g}}", f="10.0.0.1\n", g="$TTL 123\n10.0.0.2\n")
case("timestamps", f"{Z}:ip4set:{{f}}", f="$TIMESTAMP 2020:11:21:10:20:30 +9000d\n10.0.0.1\n")
case("timestamps without delimiters", f"{Z}:ip4set:{{f}}", f="$TIMESTAMP 20201121102030 20371231\n10.0.0.1\n")
case("timestamp with hyphens", f"{Z}:ip4set:{{f}}", f="$TIMESTAMP 2020-11-21 2037-12-31-23-59\n10.0.0.1\n")
case("timestamp zero", f"{Z}:ip4set:{{f}}", f="$TIMESTAMP 0 0\n10.0.0.1\n$TIMESTAMP - -\n10.0.0.2\n")
case("timestamp broken", f"{Z}:ip4set:{{f}}", f="$TIMESTAMP 2020:13:01\n$TIMESTAMP\n$TIMESTAMP x\n$TIMESTAMP 2020:02:30\n$TIMESTAMP 20:1:1\n$TIMESTAMP 2020:1:1\n10.0.0.1\n")
case("expired", f"{Z}:ip4set:{{f}}", f="$SOA 0 ns.test admin.test 1 2 3 4 5\n$TIMESTAMP 2020:01:01 2020:01:02\n1.2.3.4\n")
case("expired by days", f"{Z}:ip4set:{{f}}", f="$SOA 0 ns.test admin.test 1 2 3 4 5\n$TIMESTAMP 2020:01:01 +5d\n1.2.3.4\n")
case("specials of djb", f"{Z}:ip4set:{{f}}", f="#$SOA 0 ns.test admin.test 1 2 3 4 5\n;$NS 0 ns1.test ns2.test\n:$TTL 55\n#$1 var\n:127.0.0.2:djb text $\n10.0.0.1\n10.0.0.2 $1\n# $TTL 5\n")
case("specials with blanks", f"{Z}:ip4set:{{f}}", f="  $TTL 44\n$TTL\t45\n\t#$1\tvar\n $ TTL 5\n$TTL  46  \n10.0.0.1 $1\n")
case("unknown specials", f"{Z}:ip4set:{{f}}", f="$INCLUDE other\n$ORIGIN x.test\n$GENERATE 1-5 x\n$ENT yes\n$MAXRANGE6 5\n$DATASET ip4set @\n10.0.0.1\n")

# --- files ---

case("crlf", f"{Z}:ip4set:{{f}}", f="# dos\r\n# made on another system\n10.0.0.1\n")
case("no end of the last line", f"{Z}:ip4set:{{f}}", f="10.0.0.1\n10.0.0.2\n10.0.0.3")
case("empty", f"{Z}:ip4set:{{f}}", f="")
case("comments only", f"{Z}:ip4trie:{{f}}", f="# nothing\n; is listed\n\n   \n\t\n")
case("empty beside full", f"{Z}:ip4set:{{f}},{{g}} {Z}:dnset:{{f}}", f="", g="10.0.0.1\n")
case("comments of all kinds", f"{Z}:ip4set:{{f}}", f="#c\n;c\n  # c\n\t; c\n// no comment\n-- neither\n10.0.0.1 // text\n10.0.0.2 -- text\n/* 10.0.0.3 */\n' 10.0.0.4\n")
case("byte order mark", f"{Z}:ip4set:{{f}}", f="\xef\xbb\xbf10.0.0.1\n10.0.0.2\n10.0.0.3\n")
case("defaults end with the file", f"{Z}:ip4set:{{f}},{{g}}", f=":5:of the first $\n10.0.0.1\n", g="10.0.0.2\n:6:of the second\n10.0.0.3\n")
case("the same file twice", f"{Z}:ip4set:{{f}},{{f}}", f="10.0.0.1 :2:x\n10.0.0.1 :3:y\n")
case("packed", f"{Z}:ip4set:{{f}},{{g}}", f=gzip.compress(b":4:packed $\n10.0.0.1\n10.1/16\n!10.1.2.3\n"), g="10.0.0.2\n")
case("packed in two members", f"{Z}:dnset:{{f}}", f=gzip.compress(b".a.test\n") + gzip.compress(b"b.test :3:x\n"))
case("one file in two zones", f"a.test:ip4set:{{f}} b.test:ip4set:{{f}}", "4.3.2.1", f=HEAD + ":2:in $\n1.2.3.4\n")
case("the manual page's two ways", "dialups.bl.test:ip4set:{f} spam.bl.test:ip4set:{g} bl.test:ip4set:{f} bl.test:ip4set:{g}", "1.0.0.10 2.0.0.10", f=":3:dialup $\n10.0.0/24\n!10.0.0.2\n", g=":4:spammer $\n10.0.0.2\n10.0.0.1\n")
case("a zone before its sub-zone", "bl.test:ip4set:{f} sub.bl.test:ip4set:{g}", "1.0.0.10 1.0.0.10.sub", f="10.0.0/24 :2:parent\n", g="10.0.0/24 :3:child\n")
case("a sub-zone with a soa of its own", "sub.bl.test:ip4set:{g} bl.test:ip4set:{f}", "1.0.0.10 1.0.0.10.sub", f=HEAD + "10.0.0/24 :2:parent\n", g=HEAD.replace("lists.test", "sub.test") + "10.0.0.1 :3:child\n")
case("types in capitals of names", "BL.Test:ip4set:{f}", "1.0.0.10", f="10.0.0/24\n")
case("a zone with a dot behind", "bl.test.:ip4set:{f}", "1.0.0.10", f="10.0.0/24\n")
case("a zone of one label", "bl:ip4set:{f}", "1.0.0.10", f="10.0.0/24 $\n")
case("a zone of digits", "1.bl.test:ip4set:{f}", "1.0.0.10", f="10.0.0/24 $\n")

# --- generic and combined ---

case("generic of the manual page", f"{Z}:generic:{{f}} {Z}:ip4set:{{g}}", "www about", f="# bl.ex.com\n$NS 0 ns1.ex.com ns2.ex.com\nwww 3000 A 127.0.0.1\nabout TXT \"ex.com combined blocklist\"\n", g="10.0.0.1\n")
case("generic with all", f"{Z}:generic:{{f}}", "www mail deep.er er x.www *.wild", f="""$SOA 0 ns.test admin.test 1 2 3 4 5
@ A 192.0.2.1
@ A 192.0.2.2
@ MX 10 mx1.test
@ MX 0 mx2.test.
@ TXT "v=spf1 -all"
@ TXT second string
WWW A 192.0.2.3
www 1h TXT a "quoted" word
www 5m IN A 192.0.2.4
mail mx 65535 mx.test
deep.er A 192.0.2.5
ns A 192.0.2.6
*.wild A 192.0.2.7
bl.test A 192.0.2.8
dot. A 192.0.2.9
semi TXT a;b # c
dollar TXT costs $ $1 $$
""")
case("generic with what is bad", f"{Z}:generic:{{f}}", "a b c d e f g h i", f="a CNAME x.test\nb AAAA ::1\nc A\nd A 1.2.3\ne A 1.2.3.4 5\nf NS ns.test\ng PTR x.test\nh TXT\ni HINFO x y\nj A 1.2.3.256\nk A 192.0.2.1 # c\nl  A   192.0.2.2\nm\tA\t192.0.2.3\nn TXT \"open\no TXT open\"\np TXT \"\"\nq TXT \"a\" \"b\"\n")
case("generic beside a list", f"{Z}:ip4set:{{f}} {Z}:generic:{{g}}", "www 1.0.0.10 0.0.10 10", f=HEAD + "10.0.0/24 :2:listed $\n", g="www A 192.0.2.1\n1.0.0.10 A 192.0.2.2\n1.0.0.10 TXT \"of generic\"\n0.0.10 TXT \"above\"\n")
case("generic names with variables", f"{Z}:generic:{{f}}", f="$1 x\n$TTL 50\na TXT $1 $\n$TTL 60\nb TXT y\n:3:default\nc A 192.0.2.1\n")
case("combined of the manual page", "bl.ex.com:combined:{f}", "2.0.0.127.proxies 10.2.0.127.relays 10.2.0.127 12.9.0.127 12.9.0.127.multihop www www.proxies www.relays www.multihop proxies relays multihop", f="""# common section
$NS 1w ns1.ex.com ns2.ex.com
$SOA 1w ns1.ex.com admin.ex.com 0 2h 2h 1w 1h
# list of open proxies,
# in `proxies' subzone and in base zone
$DATASET ip4set:proxy proxies @
:2:Open proxy, see http://bl.ex.com/proxy/$
127.0.0.2
127.0.0.10
# list of open relays,
$DATASET ip4set:relay relays @
:3:Open relay, see http://bl.ex.com/relay/$
127.0.0.2
127.0.2.10
$DATASET ip4set:multihop-relay multihop
:4:Multihop open relay, see http://bl.ex.com/relay/$
127.0.0.2
127.0.9.12
$DATASET generic:common proxies relays multihop @
@ A 127.0.0.8
www A 127.0.0.8
@ MX 10 mx.ex.com
""")
case("combined in two files", f"{Z}:combined:{{f}},{{g}}", "1.0.0.10.a 1.0.0.10.b 1.0.0.10", f="$1 one\n$TTL 100\n$DATASET ip4set:x a @\n:2:$1\n10.0.0.1\n", g="$2 two\n$DATASET ip4set:x b @\n:3:$1 $2\n10.0.0.1\n")
case("combined going on in the second file", f"{Z}:combined:{{f}},{{g}}", "1.0.0.10.a 9.0.0.10.a 10.0.0.10 1.0.0.10.b", f="$1 one\n$DATASET ip4set:x a @\n$MAXRANGE4 /25\n:2:$1 $2\n10.0.0.1\n", g="$2 two\n$TTL 55\n10.0.0.9\n10.2/16\n:4:four\n10.0.0.10\n$DATASET ip4set:x b @\n:3:$1 $2\n10.0.0.1\n10.1/16\n")
case("combined common section in a file of its own", f"{Z}:combined:{{f}},{{g}},{{h}}", "1.0.0.10.a x.b", f=HEAD + "$1 one\n", g="$2 two\n$DATASET ip4set a @\n10.0.0.1 $1 $2\n", h="$DATASET dnset b\nx $1 $2\n")
case("names of the zone in a sub-zone's way", f"{Z}:combined:{{f}}", "d.a q.a a 1.0.0.10.a b.a x.b.a c.b.a q.c.b.a 1.0.0.10.c.b.a", f=HEAD + "$DATASET ip4set a\n10.0.0.1 :2:a\n$DATASET ip4set c.b.a\n10.0.0.1 :3:cba\n$DATASET dnset @\nd.a :4:name\n*.a :6:wild\n1.0.0.10.a :5:x\na :7:apex\nx.b.a :8:z\n$DATASET generic @\nwww.a A 192.0.2.1\na TXT \"no\"\n")
case("combined with sub-zones below sub-zones", f"{Z}:combined:{{f}}", "1.0.0.10 1.0.0.10.a 1.0.0.10.b.a 1.0.0.10.c.b.a b.a a d.a x.b.a", f=HEAD + "$DATASET ip4set a\n10.0.0.1 :2:a\n$DATASET ip4set c.b.a\n10.0.0.1 :3:cba\n$DATASET dnset @\nd.a :4:name in a zone's way\n1.0.0.10.a :5:x\n")
case("combined with a dataset for all", f"{Z}:combined:{{f}}", "1.0.0.10.a A.test.A 1.0.0.10.B", f="$DATASET ip4set:Name A b @ # to all\n10.0.0.1\n$DATASET dnset A b ; c\n.a.test\n$dataset ip6tset @\n2001:db8:1:2\n")
case("combined and another", f"{Z}:combined:{{f}} {Z}:ip4set:{{g}}", "1.0.0.10 1.0.0.10.a 2.0.0.10", f=HEAD + "$DATASET ip4set a @\n10.0.0.1 :2:combined\n", g="10.0.0.1 :3:plain\n10.0.0.2\n")
case("combined without a dataset", f"{Z}:combined:{{f}}", "1.0.0.10", f=HEAD)
case("combined with an empty dataset", f"{Z}:combined:{{f}}", "1.0.0.10.a a", f=HEAD + "$DATASET ip4set a @\n")
case("combined with a sub-zone of dots", f"{Z}:combined:{{f}}", "1.0.0.10.a.b a.b b", f="$DATASET ip4set a.b. @\n10.0.0.1\n")

# --- options ---

case("default ttl", f"-t 5m {Z}:ip4set:{{f}}", f="10.0.0.1\n")
case("ttl bounds", f"-t 10m:5m:1h {Z}:combined:{{f}}", "1.0.0.10.a 1.0.0.10.b", f="$SOA 1w ns.test admin.test 1 2 3 4 5\n$NS 1s ns.test\n$DATASET ip4set a\n$TTL 1\n10.0.0.1\n$DATASET ip4set b\n$TTL 1d\n10.0.0.1\n$DATASET ip4set @\n10.0.0.1\n$DATASET generic @\nx 1 A 192.0.2.1\ny 1d A 192.0.2.1\nz A 192.0.2.1\n")
case("greatest ttl", f"-t 1m::2m {Z}:ip4set:{{f}}", f="$SOA 1w ns.test admin.test 1 2 3 4 5\n$TTL 1d\n10.0.0.1\n")
case("quiet options", f"-q -f -a -4 -c 60 {Z}:ip4set:{{f}}", f="10.0.0.1\n")

# --- acl ---

case("acl of ranges", f"{Z}:ip4set:{{f}} {Z}:acl:{{g}}", "1.0.0.10", f="10.0.0.1\n", g="10/8 :refuse\n127/8 :pass # us\n0/0 :empty\n")
case("acl by default", f"{Z}:ip4set:{{f}} {Z}:acl:{{g}}", "1.0.0.10", f="10.0.0.1\n", g=":refuse\n127.0.0.1\n")
case("acl, the narrowest", f"{Z}:ip4set:{{f}} {Z}:acl:{{g}}", "1.0.0.10", f="10.0.0.1\n", g="127/8 :refuse\n127.0.0.0/24 :pass\n::1 :refuse\n")
case("acl empty with records", f"{Z}:ip4set:{{f}} {Z}:acl:{{g}}", "1.0.0.10 2.0.0.10", f=HEAD + "10.0.0.1\n", g="127.0.0.1 :empty\n")
case("global acl", f":acl:{{g}} {Z}:ip4set:{{f}} b.test:ip4set:{{f}}", "1.0.0.10", f="10.0.0.1\n", g="127.0.0.1 :refuse\n")
case("global acl behind", f"{Z}:ip4set:{{f}} :acl:{{g}}", "1.0.0.10 .nothing.served.test", f=HEAD + "10.0.0.1\n", g="0/0 :empty\n")
case("global acl passes, the zone's refuses", f"{Z}:ip4set:{{f}} {Z}:acl:{{h}} :acl:{{g}}", "1.0.0.10", f="10.0.0.1\n", g="0/0 :pass\n", h="127/8 :refuse\n")
case("global acl empty, the zone's passes", f"a.test:ip4set:{{f}} a.test:acl:{{h}} b.test:ip4set:{{f}} :acl:{{g}}", "1.0.0.10", f="10.0.0.1\n", g="0/0 :empty\n", h="127/8 :pass\n")
case("global acl without a rule for us", f"{Z}:ip4set:{{f}} :acl:{{g}},{{h}}", "1.0.0.10", f="10.0.0.1\n", g="10/8 :ignore\n", h="2001:db8::/32 :refuse\n")
case("one acl for two zones", f"a.test:ip4set:{{f}} a.test:acl:{{g}} b.test:ip4set:{{f}} b.test:acl:{{g}}", "1.0.0.10", f="10.0.0.1\n", g="127/8 :refuse\n")
