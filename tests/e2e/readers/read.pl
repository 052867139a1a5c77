# Perl's XML::Feed: perl read.pl < feed
use strict;
use warnings;
use JSON::PP;
use XML::Atom;
use XML::Feed;

$XML::Atom::ForceUnicode = 1;
my $text = do { local $/; <STDIN> };
my $feed = XML::Feed->parse(\$text) or die XML::Feed->errstr;
my @items = map { {
    title => $_->title, id => $_->id, link => $_->link, date => $_->issued->epoch + 0, content => $_->content->body,
} } $feed->entries;
print JSON::PP->new->utf8->encode(\@items);
