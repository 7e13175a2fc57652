# For /etc/gitlab/gitlab.rb of a GitLab of the Linux package, 17 or later; then
# gitlab-ctl reconfigure. CLIENT_SECRET stands for the secret of the client.
gitlab_rails['omniauth_enabled'] = true
gitlab_rails['omniauth_allow_single_sign_on'] = ['openid_connect']
gitlab_rails['omniauth_block_auto_created_users'] = false
gitlab_rails['omniauth_providers'] = [
  {
    name: 'openid_connect',
    label: 'Company sign-in',
    args: {
      name: 'openid_connect',
      scope: ['openid', 'profile', 'email'],
      response_type: 'code',
      issuer: 'https://id.example.com',
      discovery: true,
      client_auth_method: 'basic',
      uid_field: 'sub',
      send_scope_to_token_endpoint: false,
      pkce: true,
      client_options: {
        identifier: 'gitlab',
        secret: 'CLIENT_SECRET',
        redirect_uri: 'https://gitlab.example.com/users/auth/openid_connect/callback'
      }
    }
  }
]
