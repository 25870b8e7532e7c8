want 'restore ended well' '[ "$(systemctl is-active ngcp-fw.service)" = active ]'
want 'what was confirmed is in force' '[ "$(generation)" = "$(cat /root/expected)" ] && '"$fw status"
want 'nothing waits to be confirmed' "$fw status | grep -q ', confirmed'"
network
want 'an administrator can log in' 'login true'

# For the next boot: the last confirmed snapshot is damaged.
printf x | dd of="/var/lib/ngcp-fw/generation-$(cat /root/expected).ruleset" bs=1 seek=20 conv=notrunc status=none
