want 'restore fails' 'systemctl is-failed ngcp-fw.service'
want 'with exit code 3' '[ "$(systemctl show -P ExecMainStatus ngcp-fw.service)" = 3 ]'
want 'the boot went on' 'systemctl is-active multi-user.target network-pre.target'
want 'the one before is in force' '[ "$(generation)" -gt 0 ] && nft list table inet ngcp-fw'
want 'the journal says why' 'journalctl -b -u ngcp-fw.service | grep -q "what was confirmed last could not be restored"'
network
want 'an administrator can log in' 'login true'

want 'a removal says what it does not do' 'dpkg -r ngcp-fw | grep -q "nothing restores it"'
want 'it changes nothing in force' 'nft list table inet ngcp-fw && login true'
want 'a purge says so, too' 'dpkg -P ngcp-fw | grep -q "not what is in force now"'
want 'it changes nothing in force' 'nft list table inet ngcp-fw && login true'
want 'a purge leaves no file' '[ -z "$(find /etc /usr /lib /var /run -xdev -name "*ngcp-fw*" -not -path "/var/log/*")" ]'
want 'nor a unit' '[ -z "$(systemctl list-units --all --no-legend "ngcp-fw*")" ]'
nft delete table inet ngcp-fw

# For the next boot: a trial where nothing was in force.
want 'the package comes back' 'dpkg -i /job/ngcp-fw.deb'
want 'a first trial begins' "$fw -f /root/cut.yml apply --confirm 1h --allow-lockout"
