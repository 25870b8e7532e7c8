want 'nothing was confirmed: nothing is in force' '! nft list table inet ngcp-fw'
want 'and that is no failure' '! systemctl is-failed ngcp-fw.service'
network
want 'all can log in' 'login true'
