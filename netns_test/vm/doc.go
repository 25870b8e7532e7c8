// Package vm runs scripts in a virtual machine: a Debian 12 guest (kernel 6.1)
// under QEMU's software emulation, made from Debian's packages alone. It has what
// network namespaces cannot give: the oldest kernel that must work, loadable
// modules (xt_RTPENGINE with the daemon that feeds it), systemd and reboots.
//
// The guest's disk is made once, by image/build.sh, and kept under the user's
// cache folder (NGCP_FW_VM_CACHE says where else); another recipe makes another
// disk. A guest writes to an overlay of its own. Guests run only where
// NGCP_FW_VM=1 asks for them, as make test-vm does: they take minutes.
package vm
