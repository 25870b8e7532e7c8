package firewall

import (
	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/mediaproxy"
	"ngcp-fw/firewall/store"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// Media is what an apply did about the mediaproxy rule.
type Media struct {
	Choice mediaproxy.Choice
	Done   mediaproxy.Ensured
	Err    error // the rule is not there, which never costs the firewall
	Asked  bool  // the policy asks for the rule by name
}

// Failed reports whether the rule that the policy asks for by name is not there.
func (m Media) Failed() bool { return m.Err != nil && m.Asked }

// keepMedia looks after the mediaproxy rule, once the table is in force. With a
// rule of auto, a kernel that lacks the module is worth a remark only.
func keepMedia(conn *kernel.Conn, asked store.Media) (m Media) {
	setting := policy.Mediaproxy{Rule: asked.Rule, Table: asked.Table}
	m.Choice, m.Done, m.Err = mediaproxy.Keep(conn, mediaproxy.Host{}, setting)
	m.Asked = setting.Rule != string(mediaproxy.ModeAuto)
	return m
}

// inspectMedia is what there is of the rule that was asked for, and what is
// wrong with it. Where nothing is known of that, it is auto.
func inspectMedia(conn *kernel.Conn, asked *store.Media) (mediaproxy.Report, error) {
	q := mediaproxy.Question{Setting: policy.Mediaproxy{Rule: string(mediaproxy.ModeAuto)}, Main: compile.TableName}
	if asked != nil {
		q.Setting = policy.Mediaproxy{Rule: asked.Rule, Table: asked.Table}
		q.RTP = asked.RTP
	}
	return mediaproxy.Inspect(conn, mediaproxy.Host{}, q)
}

// mediaService is the service of the ports that rtpengine takes media on.
const mediaService = "rtp"

// mediaOf is what a snapshot keeps of the rule: what was asked for, and the
// ports that are open for media.
func mediaOf(m *exposure.Model) store.Media {
	kept := store.Media{Rule: m.Mediaproxy.Rule, Table: m.Mediaproxy.Table}
	for _, s := range m.Services {
		if s.Name == mediaService && s.Closed == "" {
			kept.RTP = s.Ports
		}
	}
	return kept
}
