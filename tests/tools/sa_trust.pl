#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
# What SpamAssassin's trust path makes of messages: for each file its first untrusted relay, that is
# the host that it holds to account, and how many relays it trusts and does not.
#     sa_trust.pl FILE...        file TAB address TAB trusted TAB untrusted
use strict;
use warnings;
use Mail::SpamAssassin;
use Mail::SpamAssassin::PerMsgStatus;

my $sa = Mail::SpamAssassin->new({
    local_tests_only => 1, dont_copy_prefs => 1, rules_filename => '/nonexistent',
    site_rules_filename => '/nonexistent', userprefs_filename => '/nonexistent',
    config_text => "util_rb_tld com net org example\n",
});
$sa->init(0);
for my $file (@ARGV) {
    open(my $in, '<', $file) or die "$file: $!\n";
    local $/;
    my $message = $sa->parse(<$in>, 0);
    my $metadata = Mail::SpamAssassin::PerMsgStatus->new($sa, $message);
    $metadata->extract_message_metadata();
    my @untrusted = @{$metadata->{relays_untrusted} || []};
    print join("\t", $file, @untrusted ? $untrusted[0]{ip} || '-' : '-',
        scalar(@{$metadata->{relays_trusted} || []}), scalar(@untrusted)), "\n";
    $message->finish();
}
