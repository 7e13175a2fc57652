# Signs in at a DingTalk the older way with the strategy that GitLab used until
# 17.0 (omniauth-dingtalk-oauth2, as Debian has it), unmodified, and prints what
# it got, as JSON, for the test that started it. TWIN is the address of the
# stand-in.
require 'json'
require 'net/http'
require 'rack'
require 'omniauth'
require 'omniauth-dingtalk-oauth2'

OmniAuth.config.logger = Logger.new(File::NULL)
OmniAuth.config.request_validation_phase = nil # a browser's token; there is no form here
OmniAuth.config.on_failure = proc { |env| raise env['omniauth.error'] || env['omniauth.error.type'].to_s }

inner = lambda { |env| [200, { 'content-type' => 'application/json' }, [env['omniauth.auth'].to_json]] }
# extract_access_token: Debian's oauth2 is older than the one the strategy is
# written for.
app = OmniAuth::Strategies::Dingtalk.new(inner, ENV.fetch('KEY'), ENV.fetch('SECRET'),
                                         client_options: { site: ENV.fetch('TWIN'), authorize_method: :qrcode,
                                                           extract_access_token: OAuth2::AccessToken })
session = {}
base = URI(ENV.fetch('CALLBACK'))
call = lambda do |address, method|
  app.call(Rack::MockRequest.env_for(address, :method => method, 'rack.session' => session))
end

_, headers, = call.call("#{base.scheme}://#{base.host}:#{base.port}/auth/dingtalk", 'POST')
page = URI(headers['Location'])
picked = Net::HTTP.post_form(page, 'union_id' => ENV.fetch('UNION_ID'))
raise "the page answered #{picked.code} without a way back" unless picked['Location']

_, _, body = call.call(picked['Location'], 'GET')
auth = JSON.parse(body.each.to_a.join)
puts({ page: page.path, uid: auth['uid'], unionid: auth['info']['unionid'], name: auth['info']['name'] }.to_json)
