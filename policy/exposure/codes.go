package exposure

import "ngcp-fw/policy/diag"

// Codes are the codes of everything that Resolve and Accept may warn of.
var Codes = []diag.Code{
	{"admin-open", diag.Warning, "an administrators' service is open to any", "list the administrators' networks"},
	{"admin-wide", diag.Warning, "an administrators' service is open to more than an IPv4 /8 or an IPv6 /16", "list the administrators' networks"},
	{"deny-unused", diag.Warning, "an entry of deny whose sources no service is open to", "remove it, or correct the address"},
	{"except-unused", diag.Warning, "an entry of except that takes nothing from its role", "remove it, or correct the address"},
	{"list-unused", diag.Warning, "a file beside the policy's lists that no policy there names", "name it as `{file: …}`, or remove it"},
	{"link-missing", diag.Warning, "a link in network.yml that this machine does not have", "correct it with ngcp-network, or wait until the link is there"},
	{"private-source", diag.Warning, "a private source of services that are open on outside links only", "remove it, or open the service on the link that leads to it"},
	{"entry-hidden", diag.Warning, "an entry that another one covers whole, or several others together", "remove the one, or the others"},
	{"expired", diag.Warning, "an entry that has expired and is left out", "remove it, or give it a later day"},
	{"expires-soon", diag.Warning, "an entry that ends within 30 days", "give it a later day if it is still needed"},
	{"interface-missing", diag.Warning, "an interface that this host lacks in network.yml", "correct the name, or network.yml"},
	{"ipv6-forgotten", diag.Warning, "a role lists IPv4 only, on a host with IPv6", "list the IPv6 sources too"},
	{"role-empty", diag.Warning, "services are open to nobody", "list sources in the role, or roles in the service"},
	{"role-unused", diag.Warning, "a role that no service uses", "name it in a service's roles, or remove it"},
	{"service-nowhere", diag.Warning, "a service that is open on no interface", "name its interfaces, or switch it off"},
	{"accept-risk-unused", diag.Warning, "an accepted risk that silences nothing, or not any more", "remove it, or give it a later day"},
	{"shared-port", diag.Warning, "services that share a port", "nothing, if the union is meant; or move one of them"},
}
