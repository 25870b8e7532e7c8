package ngcp

import "ngcp-fw/policy/diag"

// Codes are the codes of everything that may be wrong in NGCP's files, besides
// those of YAML itself.
var Codes = []diag.Code{
	{codeConfigShape, diag.Error, "a list or mapping in config.yml where a single value belongs, and the like",
		"correct it in the templates of ngcpcfg, or set the value in the policy"},
	{codeConfigValue, diag.Error, "a value in config.yml that makes no sense",
		"correct the option and run ngcpcfg apply"},
	{codeNetworkShape, diag.Error, "a list or mapping in network.yml where a single value belongs, and the like",
		"correct it with ngcp-network"},
	{codeNetworkAddress, diag.Error, "an address in network.yml that no link can have",
		"correct it with ngcp-network"},
	{codeNetworkName, diag.Error, "a link in network.yml that the kernel can't have",
		"correct it with ngcp-network"},
	{"host-unknown", diag.Error, "the host is not in network.yml",
		"name the host with `ngcp: {host: NAME}` or `--host`"},
}
